using System.CommandLine;
using Delos.Client.Tables;
using Delos.LocalStorage;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd table export</c></summary>
internal static class TableExportCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("FILE") { Description = "What to write; '-': standard output. A file is there whole, and survives the loss of power, or not at all; pipes and devices are written to as they are." };
        var format = RowFormats.NewOption();
        return new Command("export",
            $"""
            Writes all rows of a table, as they were at one moment, in the order of the primary key.

            {RowFormats.How}

            Examples:
              delosd table export users users.csv
              delosd table export users - --format jsonl --columns id,name | gzip > users.jsonl.gz
            """)
        { TableArguments.Table, file, format, TableArguments.Columns, TableArguments.Level }.WithCluster().Does(async context =>
        {
            var (name, path) = (context.Arguments.GetValue(TableArguments.Table)!, context.Arguments.GetValue(file)!);
            await using var client = context.Connect();
            var tables = context.ConnectTables(client);
            var total = (await context.WithinTimeoutAsync(token => tables.DescribeTableAsync(name, cancellationToken: token)).ConfigureAwait(false)).Rows;
            var options = new ScanOptions { Columns = TableArguments.ColumnsOf(context), Level = TableArguments.LevelOf(context) };
            var pages = tables.Table(name).ScanPagesAsync(options, context.Cancelled);
            var rowFormat = RowFormats.Of(context.Arguments.GetValue(format), path);
            if (path == "-")
            {
                await using var output = Console.OpenStandardOutput();
                await WriteAsync(context, pages, output, rowFormat, total).ConfigureAwait(false);
                return ExitCode.Ok;
            }

            var rows = await WriteFileAsync(context, pages, path, rowFormat, total).ConfigureAwait(false);
            if (context.Output.IsJson) context.Output.JsonObject(json => json.WriteNumber("rows", rows));
            else context.Output.Line($"exported {rows} rows");
            return ExitCode.Ok;
        });
    }

    private static async Task<long> WriteFileAsync(CommandContext context, IAsyncEnumerable<ScanPage> pages, string path, RowFormat format, long total)
    {
        if (File.Exists(path) && !Posix.IsRegularFile(path))
        {
            await using var device = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            return await WriteAsync(context, pages, device, format, total).ConfigureAwait(false);
        }

        var temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            long rows;
            await using (var output = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
            {
                rows = await WriteAsync(context, pages, output, format, total).ConfigureAwait(false);
                await output.FlushAsync(context.Cancelled).ConfigureAwait(false);
                Posix.FSync(output.SafeFileHandle, temporary);
            }

            Posix.Rename(temporary, path);
            Posix.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/");
            return rows;
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private static async Task<long> WriteAsync(CommandContext context, IAsyncEnumerable<ScanPage> pages, Stream output, RowFormat format, long total)
    {
        var rows = 0L;
        var progress = new ProgressLine(context.Error);
        var writer = new RowFileWriter(output, format);
        await using (writer.ConfigureAwait(false))
        {
            await foreach (var page in pages.ConfigureAwait(false))
            {
                if (rows > 0 && page.Rows.Count == 0) continue;
                await writer.WriteAsync(page.Columns, page.Rows, context.Cancelled).ConfigureAwait(false);
                rows += page.Rows.Count;
                progress.Say(rows, total == 0 ? -1 : Math.Min(1, (double)rows / total));
            }
        }

        progress.End();
        return rows;
    }
}
