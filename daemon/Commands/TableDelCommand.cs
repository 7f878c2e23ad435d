using System.CommandLine;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd table del</c></summary>
internal static class TableDelCommand
{
    public static Command Create() => new Command("del",
        $"""
        Deletes the row with that key. Exit code 5: there was none.

        {TableArguments.HowValues}

        Example:
          delosd table del users 1
        """)
    { TableArguments.Table, TableArguments.Key }.WithCluster().Does(async context =>
    {
        var name = context.Arguments.GetValue(TableArguments.Table)!;
        await using var client = context.Connect();
        var tables = context.ConnectTables(client);
        var schema = (await context.WithinTimeoutAsync(token => tables.DescribeTableAsync(name, cancellationToken: token)).ConfigureAwait(false)).Schema;
        var key = TableArguments.KeyOf([.. schema.KeyColumns], context.Arguments.GetValue(TableArguments.Key) ?? [], "KEY", isWhole: true);
        var deleted = await context.WithinTimeoutAsync(token => tables.Table(name).DeleteAsync(key, cancellationToken: token)).ConfigureAwait(false);
        if (!deleted) throw new CommandException(ExitCode.NotFound, $"table '{name}' has no row with the key {RowPrinter.Key(key)}");
        if (context.Output.IsJson) context.Output.JsonObject(json => json.WriteBoolean("deleted", true));
        else context.Output.Line("deleted");
        return ExitCode.Ok;
    });
}
