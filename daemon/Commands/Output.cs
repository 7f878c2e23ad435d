using System.Buffers;
using System.Text;
using System.Text.Json;
using Spectre.Console;

namespace Delos.Daemon.Commands;

/// <summary>Prints results: JSON for programs, drawn tables for a terminal, aligned text for everything else.</summary>
internal sealed class Output(TextWriter writer, bool json)
{
    public bool IsJson { get; } = json;

    public TextWriter Writer { get; } = writer;

    /// <summary>A person is looking: standard output is a terminal and nobody redirected the writer.</summary>
    private bool IsTerminal => !Console.IsOutputRedirected && ReferenceEquals(Writer, Console.Out);

    public void Line(string text) => Writer.WriteLine(text);

    /// <summary>One JSON value on a line of its own.</summary>
    public void Json(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var utf8 = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping })) write(utf8);
        Writer.WriteLine(Encoding.UTF8.GetString(buffer.WrittenSpan));
    }

    /// <summary>One JSON object on a line of its own.</summary>
    public void JsonObject(Action<Utf8JsonWriter> writeProperties) => Json(utf8 =>
    {
        utf8.WriteStartObject();
        writeProperties(utf8);
        utf8.WriteEndObject();
    });

    public void Table(IReadOnlyList<string> headers, IReadOnlyList<string[]> rows)
    {
        if (IsTerminal)
        {
            var table = new Table().Border(TableBorder.Rounded);
            foreach (var header in headers) table.AddColumn(new TableColumn(Markup.Escape(header)).NoWrap());
            foreach (var row in rows) table.AddRow(row.Select(Markup.Escape).ToArray());
            AnsiConsole.Write(table);
            return;
        }

        var widths = new int[headers.Count];
        for (var i = 0; i < widths.Length; i++) widths[i] = Math.Max(headers[i].Length, rows.Count == 0 ? 0 : rows.Max(row => row[i].Length));
        Row(headers, widths);
        foreach (var row in rows) Row(row, widths);
    }

    private void Row(IReadOnlyList<string> cells, int[] widths)
    {
        var line = new StringBuilder();
        for (var i = 0; i < cells.Count; i++) line.Append(cells[i].PadRight(widths[i])).Append("  ");
        Writer.WriteLine(line.ToString().TrimEnd());
    }
}
