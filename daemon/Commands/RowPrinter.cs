using System.Text.Json;
using Delos.Client.Tables;
using Delos.Protocol.Tables;

namespace Delos.Daemon.Commands;

/// <summary>Prints rows: a JSON object on a line each, or a table.</summary>
internal sealed class RowPrinter(Output output, bool versions)
{
    /// <summary>Rows of one page: a table of their own, or lines.</summary>
    public void Print(IReadOnlyList<string> columns, IReadOnlyList<VersionedRow> rows)
    {
        if (output.IsJson)
        {
            foreach (var row in rows) output.JsonObject(json => Write(json, row));
            return;
        }

        output.Table(versions ? [.. columns, "_version", "_expires"] : columns, [.. rows.Select(row => Cells(row))]);
    }

    public void Write(Utf8JsonWriter json, VersionedRow row)
    {
        foreach (var cell in row.Values)
        {
            json.WritePropertyName(cell.Column);
            CellText.Write(json, cell.Value);
        }

        if (!versions) return;
        json.WriteString("_version", row.Version.ToString());
        if (row.ExpiresAt is { } time) json.WriteString("_expires", CellText.FormatTime(time));
        else json.WriteNull("_expires");
    }

    private string[] Cells(VersionedRow row)
    {
        var cells = row.Values.Select(static c => CellText.Format(c.Value));
        return versions ? [.. cells, row.Version.ToString(), row.ExpiresAt is { } time ? CellText.FormatTime(time) : ""] : [.. cells];
    }

    /// <summary>A key, for people: its values with commas between.</summary>
    public static string Key(IReadOnlyList<CellValue> key) => string.Join(",", key.Select(CellText.Format));
}
