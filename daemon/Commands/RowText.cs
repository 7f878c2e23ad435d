using Delos.Protocol.Tables;

namespace Delos.Daemon.Commands;

/// <summary>Rows as they are written on the command line: a word for each column, name=value.</summary>
internal static class RowText
{
    /// <exception cref="CommandException">A word is no column=value, or about no column of the table.</exception>
    public static Row Parse(TableSchema schema, IEnumerable<string> words)
    {
        var row = Row.Empty;
        foreach (var word in words)
        {
            var equals = word.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0) throw new CommandException(ExitCode.Usage, $"'{word}' is not column=value");
            var column = ColumnOf(schema, word[..equals]);
            row = row.With(column.Name, CellText.Parse(column, word[(equals + 1)..]));
        }

        return row;
    }

    /// <exception cref="CommandException">There is no such column.</exception>
    public static Column ColumnOf(TableSchema schema, string name) =>
        schema.FindColumn(name) ?? throw new CommandException(ExitCode.NotFound, $"table '{schema.Name}' has no column '{name}'; it has {string.Join(", ", schema.Columns.Select(static c => c.Name))}");

    /// <summary>The primary key's values, in its order, and the rest.</summary>
    /// <exception cref="CommandException">A column of the key is left out.</exception>
    public static (IReadOnlyList<CellValue> Key, Row Others) Split(TableSchema schema, Row row)
    {
        var names = schema.KeyColumns.Select(static c => c.Name).ToList();
        CellValue[] key = [.. names.Select(name => row.TryGet(name, out var value) ? value : throw new CommandException(ExitCode.Usage, $"column '{name}' of the primary key is left out"))];
        return (key, Row.Create([.. row.Where(c => !names.Contains(c.Column))]));
    }
}
