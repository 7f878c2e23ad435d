using System.Text.Json;
using CsvHelper;
using Delos.Client.Tables;

namespace Delos.Daemon.Commands;

/// <summary>Writes rows to a stream, so that <see cref="RowFileReader"/> reads the same.</summary>
internal sealed class RowFileWriter(Stream stream, RowFormat format) : IAsyncDisposable
{
    private static readonly CsvWriterOptions s_options = new() { Separator = ',', NewLine = "\n" };

    private readonly CsvWriter? _csv = format == RowFormat.Csv ? CsvWriter.Create(stream, s_options, leaveOpen: true) : null;
    private readonly MemoryStream _json = new();
    private bool _named;

    public async ValueTask WriteAsync(IReadOnlyList<string> columns, IReadOnlyList<VersionedRow> rows, CancellationToken cancellationToken)
    {
        if (_csv is not null) await WriteCsvAsync(_csv, columns, rows, cancellationToken).ConfigureAwait(false);
        else await WriteJsonAsync(rows, cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        if (_csv is not null) await _csv.DisposeAsync().ConfigureAwait(false);
        await _json.DisposeAsync().ConfigureAwait(false);
    }

    private async ValueTask WriteCsvAsync(CsvWriter csv, IReadOnlyList<string> columns, IReadOnlyList<VersionedRow> rows, CancellationToken cancellationToken)
    {
        if (!_named)
        {
            foreach (var column in columns) csv.WriteField(column);
            await csv.EndRecordAsync(cancellationToken).ConfigureAwait(false);
            _named = true;
        }

        foreach (var row in rows)
        {
            foreach (var cell in row.Values)
            {
                // Nothing at all is no value: an empty text stands in quotes.
                var text = CellText.Format(cell.Value);
                csv.WriteField(text, text.Length == 0 && !cell.Value.IsNull ? CsvQuoting.Always : CsvQuoting.WhenNeeded);
            }

            await csv.EndRecordAsync(cancellationToken).ConfigureAwait(false);
        }

        await csv.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask WriteJsonAsync(IReadOnlyList<VersionedRow> rows, CancellationToken cancellationToken)
    {
        _json.SetLength(0);
        foreach (var row in rows)
        {
            using (var json = new Utf8JsonWriter(_json))
            {
                json.WriteStartObject();
                foreach (var cell in row.Values)
                {
                    json.WritePropertyName(cell.Column);
                    CellText.Write(json, cell.Value);
                }

                json.WriteEndObject();
            }

            _json.WriteByte((byte)'\n');
        }

        await stream.WriteAsync(_json.GetBuffer().AsMemory(0, (int)_json.Length), cancellationToken).ConfigureAwait(false);
    }
}
