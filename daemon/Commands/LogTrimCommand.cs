using System.CommandLine;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd log trim</c></summary>
internal static class LogTrimCommand
{
    public static Command Create()
    {
        var position = new Argument<long>("POSITION") { Description = "First position to keep." };
        return new Command("trim", "Gives up every entry below a position, and prints the point achieved (never above the tail).\n\nExample: delosd log trim 1000 --log events")
        { position }.WithLog().Does(async context =>
        {
            var wanted = context.Arguments.GetValue(position);
            if (wanted < 0) throw new CommandException(ExitCode.Usage, "POSITION is 0 or more");
            await using var client = context.Connect();
            var log = await ExistingLog.OpenAsync(client, context).ConfigureAwait(false);
            var achieved = await context.WithinTimeoutAsync(token => log.TrimAsync(wanted, token)).ConfigureAwait(false);
            if (context.Output.IsJson) context.Output.JsonObject(json => json.WriteNumber("trimmed", achieved));
            else context.Output.Line($"{achieved}");
            return ExitCode.Ok;
        });
    }
}
