using System.CommandLine;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd table drop</c></summary>
internal static class TableDropCommand
{
    public static Command Create() => new Command("drop", "Drops a table with all its rows, for good.\n\nExample: delosd table drop users")
    { TableArguments.Table }.WithCluster().Does(async context =>
    {
        var name = context.Arguments.GetValue(TableArguments.Table)!;
        await using var client = context.Connect();
        await context.WithinTimeoutAsync(async token =>
        {
            await context.ConnectTables(client).DropTableAsync(name, token).ConfigureAwait(false);
            return true;
        }).ConfigureAwait(false);
        if (context.Output.IsJson) context.Output.JsonObject(json => json.WriteString("dropped", name));
        else context.Output.Line($"dropped table {name}");
        return ExitCode.Ok;
    });
}
