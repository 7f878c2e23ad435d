using System.CommandLine;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd chain show</c></summary>
internal static class ChainShowCommand
{
    public static Command Create() => new Command("show", "Shows the segments of a log's chain, read from a majority of the MetaStore.\n\nExample: delosd chain show --log events").WithLog().Does(async context =>
    {
        await using var client = context.Connect();
        var log = context.Arguments.GetValue(SharedOptions.Log) ?? "default";
        ChainPrinter.Print(context.Output, log, await context.WithinTimeoutAsync(token => client.Admin.ChainAsync(log, token)).ConfigureAwait(false));
        return ExitCode.Ok;
    });
}
