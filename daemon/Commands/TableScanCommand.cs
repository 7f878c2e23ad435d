using System.CommandLine;
using Delos.Client.Tables;
using Delos.Protocol.Tables;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd table scan</c></summary>
internal static class TableScanCommand
{
    public static Command Create()
    {
        var index = new Option<string?>("--index", "-i") { Description = "Read in the order, and by the columns, of this index. Default: the primary key.", HelpName = "NAME" };
        var from = new Option<string?>("--from") { Description = "Keys from here on: values of the key's first columns.", HelpName = "v,w,…" };
        var to = new Option<string?>("--to") { Description = "Keys below: values of the key's first columns.", HelpName = "v,w,…" };
        var prefix = new Option<string?>("--prefix") { Description = "Keys whose first columns have these values.", HelpName = "v,w,…" };
        var starts = new Option<string?>("--starts-with") { Description = "Keys whose next column, behind --prefix, begins like this: strings and bytes.", HelpName = "TEXT" };
        var reverse = new Option<bool>("--reverse", "-r") { Description = "Highest key first." };
        var limit = new Option<long?>("--limit", "-n") { Description = "At most so many rows.", HelpName = "N" };
        var where = new Option<string[]>("--where", "-w") { Description = "Rows must fulfil it; may be given several times: column=value, !=, <, <=, >, >=, ^= (begins with), column? (no value), column! (a value).", HelpName = "PREDICATE" };
        return new Command("scan",
            $"""
            Prints rows in order, all of one moment.

            {TableArguments.HowValues}

            Examples:
              delosd table scan users --limit 10
              delosd table scan users --index by_name --starts-with An -o json
              delosd table scan users --from 100 --to 200 --reverse --where 'age>=18' --columns id,name
            """)
        { TableArguments.Table, index, from, to, prefix, starts, reverse, limit, where, TableArguments.Columns, TableArguments.Versions, TableArguments.Level }.WithCluster().Does(async context =>
        {
            var name = context.Arguments.GetValue(TableArguments.Table)!;
            if (context.Arguments.GetValue(limit) is <= 0) throw new CommandException(ExitCode.Usage, "--limit is 1 or more");
            var level = TableArguments.LevelOf(context);
            await using var client = context.Connect();
            var tables = context.ConnectTables(client);
            var schema = (await context.WithinTimeoutAsync(token => tables.DescribeTableAsync(name, level, token)).ConfigureAwait(false)).Schema;
            var columns = KeyColumns(schema, context.Arguments.GetValue(index));
            var options = new ScanOptions
            {
                Index = context.Arguments.GetValue(index),
                Bounds = new KeyBounds(Bound(context.Arguments.GetValue(from), true, "--from"), Bound(context.Arguments.GetValue(to), false, "--to"), Prefix(context.Arguments.GetValue(prefix), context.Arguments.GetValue(starts))),
                Reverse = context.Arguments.GetValue(reverse),
                Limit = context.Arguments.GetValue(limit) ?? 0,
                PageRows = 1000,
                Columns = TableArguments.ColumnsOf(context),
                Filters = [.. (context.Arguments.GetValue(where) ?? []).Select(text => PredicateText.Parse(schema, text))],
                Level = level,
            };
            var printer = new RowPrinter(context.Output, context.Arguments.GetValue(TableArguments.Versions));
            var any = false;

            // The timeout is for each page: the tables' client has it.
            await foreach (var page in tables.Table(name).ScanPagesAsync(options, context.Cancelled).ConfigureAwait(false))
            {
                if (any && page.Rows.Count == 0) continue;
                printer.Print(page.Columns, page.Rows);
                any = true;
            }

            return ExitCode.Ok;

            KeyBound? Bound(string? text, bool inclusive, string what) => text is null ? null : new KeyBound(TableArguments.KeyOf(columns, TableArguments.Split(text), what, isWhole: false), inclusive);

            KeyPrefix? Prefix(string? values, string? start)
            {
                if (values is null && start is null) return null;
                var fixedValues = values is null ? [] : TableArguments.KeyOf(columns, TableArguments.Split(values), "--prefix", isWhole: false);
                if (start is null) return new KeyPrefix(fixedValues);
                if (fixedValues.Length >= columns.Count) throw new CommandException(ExitCode.Usage, "--starts-with: there is no column behind --prefix");
                return new KeyPrefix(fixedValues, CellText.Parse(columns[fixedValues.Length], start));
            }
        });
    }

    /// <summary>The columns whose values make up the keys that are scanned: behind those of an index comes the primary key.</summary>
    private static IReadOnlyList<Column> KeyColumns(TableSchema schema, string? index)
    {
        if (index is null) return [.. schema.KeyColumns];
        var found = schema.FindIndex(index) ?? throw new CommandException(ExitCode.NotFound, $"table '{schema.Name}' has no index '{index}'");
        return [.. found.Columns.Select(id => schema.Columns[schema.OrdinalOf(id)])];
    }
}
