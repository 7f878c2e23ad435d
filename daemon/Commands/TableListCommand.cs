using System.CommandLine;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd table list</c></summary>
internal static class TableListCommand
{
    public static Command Create() => new Command("list",
        """
        Lists the tables.

        Example:
          delosd table list -o json | jq -r .name
        """)
    { TableArguments.Level }.WithCluster().Does(async context =>
    {
        await using var client = context.Connect();
        var tables = await context.WithinTimeoutAsync(token => context.ConnectTables(client).ListTablesAsync(TableArguments.LevelOf(context), token)).ConfigureAwait(false);
        if (context.Output.IsJson)
        {
            foreach (var table in tables) context.Output.JsonObject(json => TableDescribeCommand.Write(json, table));
            return ExitCode.Ok;
        }

        context.Output.Table(["TABLE", "ROWS", "BYTES", "COLUMNS", "KEY", "INDEXES"], [.. tables.Select(static t => new[]
        {
            t.Schema.Name,
            ChainPrinter.Text(t.Rows),
            ChainPrinter.Text(t.Bytes),
            ChainPrinter.Text(t.Schema.Columns.Count),
            string.Join(",", t.Schema.KeyColumns.Select(static c => c.Name)),
            string.Join(",", t.Schema.Indexes.Select(static i => i.Name)),
        })]);
        return ExitCode.Ok;
    });
}
