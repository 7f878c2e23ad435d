using System.Globalization;
using System.Text;
using Delos.Protocol.Tables;

namespace Delos.Tables;

/// <summary>Words of refusals. They are part of the answer, which is the same on every replica: no culture, and no floating-point number is formatted.</summary>
internal static class Refusals
{
    private const int ShownChars = 64;

    /// <summary>A text that came from outside, cut to a length that a message bears.</summary>
    public static string Show(string text) => text.Length <= ShownChars ? text : string.Concat(text.AsSpan(0, ShownChars), "...");

    /// <summary>A key, as (a, b). Doubles by their bits.</summary>
    public static string Show(IReadOnlyList<CellValue> key)
    {
        var text = new StringBuilder("(");
        for (var i = 0; i < key.Count; i++)
        {
            if (i > 0) text.Append(", ");
            text.Append(Show(key[i]));
        }

        return text.Append(')').ToString();
    }

    public static TableReply UnknownColumn(TableSchema schema, string column) =>
        TableReply.Refused(TableStatus.UnknownColumn, $"table '{schema.Name}' has no column '{Show(column)}'; describe the table for its columns");

    public static TableReply UnknownIndex(TableSchema schema, string index) =>
        TableReply.Refused(TableStatus.UnknownIndex, $"table '{schema.Name}' has no index '{Show(index)}'; describe the table for its indexes");

    public static TableReply WrongType(Column column, in CellValue value) => TableReply.Refused(
        TableStatus.TypeMismatch,
        value.IsNull ? $"column '{column.Name}' is not nullable and has no default: give it a value of type {column.Type}" : $"column '{column.Name}' is of type {column.Type}, the value of type {value.Type}");

    public static TableReply Invalid(string message) => TableReply.Refused(TableStatus.InvalidArgument, message);

    public static TableReply TooLarge(string message) => TableReply.Refused(TableStatus.TooLarge, message);

    private static string Show(in CellValue value) => value.Type switch
    {
        ColumnType.Double => "double 0x" + value.Bits.ToString("x16", CultureInfo.InvariantCulture),
        ColumnType.String => "'" + Show(value.AsString()) + "'",
        ColumnType.Bytes => "0x" + Convert.ToHexStringLower(value.Span[..Math.Min(value.Span.Length, ShownChars / 2)]),
        _ => value.ToString(),
    };
}
