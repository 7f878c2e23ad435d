using System.CommandLine;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd table get</c></summary>
internal static class TableGetCommand
{
    public static Command Create() => new Command("get",
        $"""
        Prints the row with that key. Exit code 5: there is none.

        {TableArguments.HowValues}

        Examples:
          delosd table get users 1
          delosd table get users 1 --columns name,mail --level stale -o json
        """)
    { TableArguments.Table, TableArguments.Key, TableArguments.Columns, TableArguments.Versions, TableArguments.Level }.WithCluster().Does(async context =>
    {
        var name = context.Arguments.GetValue(TableArguments.Table)!;
        await using var client = context.Connect();
        var tables = context.ConnectTables(client);
        var level = TableArguments.LevelOf(context);
        var schema = (await context.WithinTimeoutAsync(token => tables.DescribeTableAsync(name, level, token)).ConfigureAwait(false)).Schema;
        var key = TableArguments.KeyOf([.. schema.KeyColumns], context.Arguments.GetValue(TableArguments.Key) ?? [], "KEY", isWhole: true);
        var row = await context.WithinTimeoutAsync(token => tables.Table(name).GetAsync(key, TableArguments.ColumnsOf(context), level, token)).ConfigureAwait(false)
            ?? throw new CommandException(ExitCode.NotFound, $"table '{name}' has no row with the key {RowPrinter.Key(key)}");
        new RowPrinter(context.Output, context.Arguments.GetValue(TableArguments.Versions)).Print([.. row.Values.Select(static c => c.Column)], [row]);
        return ExitCode.Ok;
    });
}
