using System.CommandLine;
using Delos.Client.Tables;
using Delos.Protocol.Tables;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd table watch</c></summary>
internal static class TableWatchCommand
{
    public static Command Create()
    {
        var after = new Option<string?>("--after") { Description = "Changes by later commands than this: a version, as watch prints it, or 'start' for all that are kept. Default: what comes from now on.", HelpName = "VERSION" };
        var count = new Option<long?>("--count", "-n") { Description = "Stop after so many changes.", HelpName = "N" };
        return new Command("watch",
            """
            Prints changes of a table as they happen, until interrupted; without a gap, also when nodes fail meanwhile.

            Examples:
              delosd table watch users
              delosd table watch users --after start -o json
            """)
        { TableArguments.Table, after, count }.WithCluster().Does(async context =>
        {
            var name = context.Arguments.GetValue(TableArguments.Table)!;
            var position = context.Arguments.GetValue(after) is { } text ? VersionText.ParsePosition("--after", text) : (RowVersion?)null;
            var left = context.Arguments.GetValue(count) ?? long.MaxValue;
            await using var client = context.Connect();
            var tables = context.ConnectTables(client);

            // An unreachable cluster, or a table that is not there, is told at once; from then on it waits.
            var present = await context.WithinTimeoutAsync(token => tables.QueryAsync(new DescribeTables(name), cancellationToken: token)).ConfigureAwait(false);
            if (!present.IsOk) throw new TableException(present.Status, present.Message);
            if (left <= 0) return ExitCode.Ok;
            try
            {
                await foreach (var change in tables.Table(name).WatchAsync(new WatchOptions { After = position ?? present.Snapshot.Version }, context.Cancelled).ConfigureAwait(false))
                {
                    Print(context.Output, change);
                    if (--left == 0) break;
                }
            }
            catch (OperationCanceledException) when (context.Cancelled.IsCancellationRequested)
            {
                // An interrupt is the normal end of watching.
            }

            return ExitCode.Ok;
        });
    }

    private static void Print(Output output, TableChange change)
    {
        var kind = change.Kind.ToString().ToLowerInvariant();
        if (output.IsJson)
        {
            output.JsonObject(json =>
            {
                json.WriteString("kind", kind);
                json.WriteString("version", change.Version.ToString());
                json.WriteBoolean("last", change.IsLast);
                json.WriteString("time", CellText.FormatTime(change.Time));
                json.WriteStartArray("key");
                foreach (var value in change.Key) CellText.Write(json, value);
                json.WriteEndArray();
                if (change.Row is not { } row) return;
                json.WriteStartObject("row");
                new RowPrinter(output, versions: false).Write(json, row);
                json.WriteEndObject();
            });
        }
        else
        {
            output.Line($"{change.Version} {kind} {RowPrinter.Key(change.Key)}{(change.Row is { } row ? " " + string.Join(" ", row.Values.Select(static c => $"{c.Column}={CellText.Format(c.Value)}")) : "")}");
        }

        output.Writer.Flush();
    }
}
