using Delos.Protocol.Tables;

namespace Delos.Daemon.Commands;

/// <summary>Columns and indexes as they are written on the command line.</summary>
internal static class ColumnText
{
    public const string HowColumns =
        """
        A column is name:type, with ? behind the type if it may have no value, and =value for a default:
        id:int64  name:string?  age:int64=0. Types: int64, double, string, bytes, bool, timestamp.
        An index is name=column, or name=column,column.
        """;

    /// <exception cref="CommandException">It is no column.</exception>
    public static ColumnDefinition ParseColumn(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon <= 0) throw new CommandException(ExitCode.Usage, $"'{text}' is no column; write name:type, for instance id:int64, name:string? or age:int64=0");
        var rest = text[(colon + 1)..];
        var equals = rest.IndexOf('=', StringComparison.Ordinal);
        var typeText = equals < 0 ? rest : rest[..equals];
        var nullable = typeText.EndsWith('?');
        if (nullable) typeText = typeText[..^1];
        if (CellText.TypeOf(typeText) is not { } type) throw new CommandException(ExitCode.Usage, $"column '{text[..colon]}': '{typeText}' is none of int64, double, string, bytes, bool, timestamp");
        var value = CellValue.Null;
        if (equals >= 0 && !CellText.TryParse(type, rest[(equals + 1)..], out value)) throw new CommandException(ExitCode.Usage, $"column '{text[..colon]}': '{rest[(equals + 1)..]}' is no {typeText}");
        return new ColumnDefinition(text[..colon], type, nullable, value);
    }

    /// <exception cref="CommandException">It is no index.</exception>
    public static IndexDefinition ParseIndex(string text, bool unique)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0 || equals == text.Length - 1) throw new CommandException(ExitCode.Usage, $"'{text}' is no index; write name=column or name=column,column");
        return new IndexDefinition(text[..equals], TableArguments.Split(text[(equals + 1)..]), unique);
    }

    public static string Format(Column column) => $"{column.Name}:{CellText.TypeOf(column.Type)}{(column.Nullable ? "?" : "")}{(column.Default.IsNull ? "" : "=" + CellText.Format(column.Default))}";
}
