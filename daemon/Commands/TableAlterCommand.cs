using System.CommandLine;
using Delos.Protocol.Tables;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd table alter</c></summary>
internal static class TableAlterCommand
{
    public static Command Create()
    {
        var add = new Option<string[]>("--add") { Description = "A column to add, with ? or a default; may be given several times.", HelpName = "name:type" };
        var drop = new Option<string[]>("--drop") { Description = "A column to drop; may be given several times.", HelpName = "NAME" };
        var dropIndex = new Option<string[]>("--drop-index") { Description = "An index to drop; may be given several times.", HelpName = "NAME" };
        return new Command("alter",
            $"""
            Changes a table, without a pause for its readers and writers. Each kind of change is a step of its own, in this order: indexes that are dropped, columns and settings, indexes that are created.

            {ColumnText.HowColumns}

            Examples:
              delosd table alter users --add city:string? --index by_city=city
              delosd table alter users --ttl 24h --drop-index by_name
            """)
        {
            TableArguments.Table, add, drop, dropIndex, TableCreateCommand.Index, TableCreateCommand.Unique, TableCreateCommand.Ttl, TableCreateCommand.MaxRows, TableCreateCommand.MaxBytes,
            TableCreateCommand.MaxRowBytes, TableCreateCommand.Changes,
        }.WithCluster().Does(async context =>
        {
            var name = context.Arguments.GetValue(TableArguments.Table)!;
            ColumnDefinition[] added = [.. (context.Arguments.GetValue(add) ?? []).Select(ColumnText.ParseColumn)];
            var dropped = context.Arguments.GetValue(drop) ?? [];
            var indexes = TableCreateCommand.Indexes(context);
            await using var client = context.Connect();
            var tables = context.ConnectTables(client);
            var before = await context.WithinTimeoutAsync(token => tables.DescribeTableAsync(name, cancellationToken: token)).ConfigureAwait(false);
            var settings = TableCreateCommand.SettingsOf(context, before.Schema.Settings);
            foreach (var index in context.Arguments.GetValue(dropIndex) ?? []) await context.WithinTimeoutAsync(token => tables.DropIndexAsync(name, index, token)).ConfigureAwait(false);
            if (added.Length + dropped.Length > 0 || settings != before.Schema.Settings)
            {
                await context.WithinTimeoutAsync(token => tables.AlterTableAsync(new AlterTable(name, added, dropped, settings == before.Schema.Settings ? null : settings), token)).ConfigureAwait(false);
            }

            foreach (var index in indexes) await context.WithinTimeoutAsync(token => tables.CreateIndexAsync(name, index, token)).ConfigureAwait(false);
            TableDescribeCommand.Print(context.Output, await context.WithinTimeoutAsync(token => tables.DescribeTableAsync(name, cancellationToken: token)).ConfigureAwait(false));
            return ExitCode.Ok;
        });
    }
}
