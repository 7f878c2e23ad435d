using System.CommandLine;
using System.Diagnostics;
using Delos.Protocol.Tables;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd table import</c></summary>
internal static class TableImportCommand
{
    private static readonly TimeSpan s_saveEvery = TimeSpan.FromSeconds(1);

    public static Command Create()
    {
        var file = new Argument<string>("FILE") { Description = "What to read; '-': standard input, which cannot be resumed." };
        var format = RowFormats.NewOption();
        var restart = new Option<bool>("--restart") { Description = "Begin with the first row, also if an earlier import of the file was interrupted." };
        return new Command("import",
            $"""
            Puts the rows of a file into a table that is there already. Interrupted, and run again, it goes on where it was: how far it is stands in FILE.TABLE.import until it is done.

            {RowFormats.How}

            Examples:
              delosd table import users users.csv
              zcat events.jsonl.gz | delosd table import events - --format jsonl
            """)
        { TableArguments.Table, file, format, restart }.WithCluster().Does(async context =>
        {
            var (name, path) = (context.Arguments.GetValue(TableArguments.Table)!, context.Arguments.GetValue(file)!);
            await using var client = context.Connect();
            var tables = context.ConnectTables(client);
            var schema = (await context.WithinTimeoutAsync(token => tables.DescribeTableAsync(name, cancellationToken: token)).ConfigureAwait(false)).Schema;
            var reader = new RowFileReader(schema, RowFormats.Of(context.Arguments.GetValue(format), path));
            if (path == "-")
            {
                await using var input = Console.OpenStandardInput();
                return await ImportAsync(context, new TableImporter(tables, schema, 0), reader.ReadAsync(input, 0, context.Cancelled), static () => -1, null).ConfigureAwait(false);
            }

            await using var stream = Open(path);
            var kept = ImportProgress.PathFor(path, name);
            if (context.Arguments.GetValue(restart)) File.Delete(kept);
            var begun = ImportProgress.Begin(stream, schema.Id);
            var progress = ImportProgress.Load(kept, begun) ?? begun;
            if (progress.Rows > 0) await context.Error.WriteLineAsync($"delosd: goes on behind row {progress.Rows}").ConfigureAwait(false);
            var code = await ImportAsync(
                context, new TableImporter(tables, schema, progress.Rows), reader.ReadAsync(stream, progress.Rows, context.Cancelled), () => (double)stream.Position / Math.Max(1, stream.Length), rows => (progress with { Rows = rows }).Save(kept)).ConfigureAwait(false);
            File.Delete(kept);
            return code;
        });
    }

    private static async Task<int> ImportAsync(CommandContext context, TableImporter importer, IAsyncEnumerable<Row> rows, Func<double> fraction, Action<long>? save)
    {
        var before = importer.Done;
        var progress = new ProgressLine(context.Error);
        var (begun, saved) = (Stopwatch.GetTimestamp(), Stopwatch.GetTimestamp());
        try
        {
            await foreach (var row in rows.ConfigureAwait(false))
            {
                await importer.AddAsync(row).ConfigureAwait(false);
                progress.Say(importer.Done - before, fraction());
                if (Stopwatch.GetElapsedTime(saved) < s_saveEvery) continue;
                save?.Invoke(importer.Done);
                saved = Stopwatch.GetTimestamp();
            }

            await importer.DrainAsync().ConfigureAwait(false);
            progress.End();
        }
        catch (Exception e)
        {
            progress.End();
            await importer.SettleAsync(withRest: e is CommandException).ConfigureAwait(false);
            save?.Invoke(importer.Done);
            await context.Error.WriteLineAsync($"delosd: {importer.Done} rows are in{(save is null ? "" : "; run the same command again to go on from there")}").ConfigureAwait(false);
            throw;
        }

        var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        if (context.Output.IsJson)
        {
            context.Output.JsonObject(json =>
            {
                json.WriteNumber("rows", importer.Done);
                json.WriteNumber("rows_now", importer.Done - before);
                json.WriteNumber("seconds", Math.Round(seconds, 3));
            });
        }
        else
        {
            context.Output.Line($"imported {importer.Done - before} rows in {seconds:F1} s");
        }

        return ExitCode.Ok;
    }

    private static FileStream Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.Failed, e.Message);
        }
    }
}
