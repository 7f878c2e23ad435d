using System.Globalization;
using System.Text.Json;
using Delos.Client.Tables;
using Delos.Protocol.Tables;

namespace Delos.Daemon.Commands;

/// <summary>Values of columns as text, for people and shells.</summary>
internal static class CellText
{
    /// <summary>No value, in any column.</summary>
    public const string Null = "\\N";

    private const string Time = "yyyy-MM-ddTHH:mm:ss.FFFFFFZ";

    /// <exception cref="CommandException">The text is no value of the column.</exception>
    public static CellValue Parse(Column column, string text) =>
        TryParse(column.Type, text, out var value) ? value : throw new CommandException(ExitCode.Usage, $"column '{column.Name}': '{text}' is no {TypeOf(column.Type)}");

    public static bool TryParse(ColumnType type, string text, out CellValue value)
    {
        value = CellValue.Null;
        if (text == Null || (text == "null" && type != ColumnType.String)) return true;
        switch (type)
        {
            case ColumnType.Int64 when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number):
                value = number;
                return true;
            case ColumnType.Double when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real):
                value = real;
                return true;
            case ColumnType.String:
                value = text;
                return true;
            case ColumnType.Bytes when text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) && TryHex(text.AsSpan(2), out var bytes):
                value = bytes;
                return true;
            case ColumnType.Bool when bool.TryParse(text, out var flag):
                value = flag;
                return true;
            case ColumnType.Timestamp when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var micros):
                value = CellValue.Timestamp(micros);
                return true;
            case ColumnType.Timestamp when DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time):
                value = time;
                return true;
            default:
                return false;
        }
    }

    public static string Format(CellValue value) => value.Type switch
    {
        ColumnType.Null => "",
        ColumnType.String => value.AsString(),

        // What no date says is told in microseconds, or it would be another time.
        ColumnType.Timestamp => CellValue.MicrosOf(value.AsTime()) == value.AsTimestamp() ? FormatTime(value.AsTime()) : value.AsTimestamp().ToString(CultureInfo.InvariantCulture),
        _ => value.ToString(),
    };

    public static string FormatTime(DateTimeOffset time) => time.UtcDateTime.ToString(Time, CultureInfo.InvariantCulture);

    public static void Write(Utf8JsonWriter json, CellValue value)
    {
        switch (value.Type)
        {
            case ColumnType.Null:
                json.WriteNullValue();
                break;
            case ColumnType.Int64:
                json.WriteNumberValue(value.AsInt64());
                break;
            case ColumnType.Double when double.IsFinite(value.AsDouble()):
                json.WriteNumberValue(value.AsDouble());
                break;
            case ColumnType.Bool:
                json.WriteBooleanValue(value.AsBool());
                break;
            default:
                json.WriteStringValue(Format(value));
                break;
        }
    }

    public static string TypeOf(ColumnType type) => type.ToString().ToLowerInvariant();

    /// <summary>Null: there is none of that name.</summary>
    public static ColumnType? TypeOf(string name)
    {
        foreach (var type in Enum.GetValues<ColumnType>())
        {
            if (type != ColumnType.Null && TypeOf(type) == name) return type;
        }

        return null;
    }

    private static bool TryHex(ReadOnlySpan<char> text, out byte[] bytes)
    {
        bytes = new byte[text.Length / 2];
        return text.Length % 2 == 0 && Convert.FromHexString(text, bytes, out _, out _) == System.Buffers.OperationStatus.Done;
    }
}
