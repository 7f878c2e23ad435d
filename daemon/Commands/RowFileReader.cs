using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using CsvHelper;
using Delos.Protocol.Tables;

namespace Delos.Daemon.Commands;

/// <summary>The rows of a file, in its order.</summary>
/// <param name="schema">Of the table that they are for.</param>
/// <param name="format">How they stand there.</param>
internal sealed class RowFileReader(TableSchema schema, RowFormat format)
{
    private static readonly UTF8Encoding s_utf8 = new(false, throwOnInvalidBytes: true);

    private static readonly CsvReaderOptions s_options = new()
    {
        Separator = ',',
        TrackLineNumbers = true,
        MaxRecordSize = 64 << 20,
        MalformedData = CsvMalformedDataHandling.Throw,
        FieldCountMismatch = CsvFieldCountHandling.Throw,
    };

    /// <param name="stream">Read from where it is.</param>
    /// <param name="skip">So many rows are passed over, unread.</param>
    /// <param name="cancellationToken">Ends it between two rows.</param>
    /// <exception cref="CommandException">A row makes no sense; its line is named.</exception>
    public IAsyncEnumerable<Row> ReadAsync(Stream stream, long skip, CancellationToken cancellationToken) => format == RowFormat.Csv ? CsvAsync(stream, skip, cancellationToken) : JsonAsync(stream, skip, cancellationToken);

    private async IAsyncEnumerable<Row> CsvAsync(Stream stream, long skip, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var csv = CsvReader.Create(stream, s_options, leaveOpen: true);
        await TryAsync(async () =>
        {
            await csv.ReadHeaderAsync(cancellationToken).ConfigureAwait(false);
            return true;
        }).ConfigureAwait(false);
        if (csv.Headers.Count == 0) throw new CommandException(ExitCode.Failed, "the file is empty: its first line names the columns");
        var columns = new Column[csv.Headers.Count];
        for (var i = 0; i < columns.Length; i++) columns[i] = RowText.ColumnOf(schema, csv.Headers[i].Trim());
        if (columns.Distinct().Count() != columns.Length) throw new CommandException(ExitCode.Failed, "a column is named twice in the first line");
        var cells = new Cell[columns.Length];
        for (var number = 0L; await TryAsync(() => csv.ReadAsync(cancellationToken)).ConfigureAwait(false); number++)
        {
            if (number < skip) continue;
            for (var i = 0; i < cells.Length; i++) cells[i] = new Cell(columns[i].Name, Parse(columns[i], csv, i));
            yield return Row.Create(cells);
        }
    }

    private static async ValueTask<bool> TryAsync(Func<ValueTask<bool>> read)
    {
        try
        {
            return await read().ConfigureAwait(false);
        }
        catch (CsvFormatException e)
        {
            throw At(e.LineNumber, e.Message);
        }
    }

    private static CellValue Parse(Column column, CsvReader csv, int field)
    {
        // Nothing at all, not even quotes, is no value; only a column that must have one takes it for an empty string.
        if (csv.GetRawSpan(field).IsEmpty && (column.Nullable || column.Type != ColumnType.String)) return CellValue.Null;
        string text;
        try
        {
            text = s_utf8.GetString(csv.GetSpan(field));
        }
        catch (DecoderFallbackException)
        {
            throw At(csv.LineNumber, $"column '{column.Name}': this is no UTF-8");
        }

        if (column.Type == ColumnType.String) return text;
        return CellText.TryParse(column.Type, text, out var value) ? value : throw At(csv.LineNumber, $"column '{column.Name}': '{text}' is no {CellText.TypeOf(column.Type)}");
    }

    private async IAsyncEnumerable<Row> JsonAsync(Stream stream, long skip, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (line, number) = (0, 0L);
        await foreach (var bytes in LineReader.ReadAsync(stream, cancellationToken).ConfigureAwait(false))
        {
            line++;
            if (bytes.AsSpan().Trim(" \t\r"u8).IsEmpty || number++ < skip) continue;
            yield return ParseJson(bytes, line);
        }
    }

    private Row ParseJson(byte[] bytes, int line)
    {
        try
        {
            using var json = JsonDocument.Parse(bytes);
            if (json.RootElement.ValueKind != JsonValueKind.Object) throw At(line, "this is no JSON object");
            Cell[] cells = [.. json.RootElement.EnumerateObject().Select(p => new Cell(p.Name, ValueOf(RowText.ColumnOf(schema, p.Name), p.Value, line)))];
            return cells.DistinctBy(static c => c.Column).Count() == cells.Length ? Row.Create(cells) : throw At(line, "a column is named twice");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw At(line, e.Message);
        }
    }

    private static CellValue ValueOf(Column column, JsonElement json, int line)
    {
        if (json.ValueKind == JsonValueKind.Null) return CellValue.Null;
        var isText = json.ValueKind == JsonValueKind.String;
        var text = isText ? json.GetString() ?? "" : json.GetRawText();
        if (column.Type == ColumnType.String) return isText ? text : throw At(line, $"column '{column.Name}': {text} is no string");
        return CellText.TryParse(column.Type, text, out var value) && !value.IsNull ? value : throw At(line, $"column '{column.Name}': {text} is no {CellText.TypeOf(column.Type)}");
    }

    private static CommandException At(long line, string what) => new(ExitCode.Failed, $"line {line}: {what}");
}
