using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>
/// How objects become rows and rows become objects. Written out, by <see cref="RowMap.For{T}"/>: the compiler checks it, nothing is looked up at run time, trimmed and ahead-of-time compiled programs keep it, names of columns need not
/// be those of properties, and a table may have columns that the program does not know. A source generator would save a line for each column, at the price of an assembly of its own in every user's build. Immutable.
/// </summary>
public sealed class RowMap<T>
{
    private readonly (string Column, Func<T, CellValue> Get)[] _columns;
    private readonly int _keyColumns;
    private readonly Func<Row, T> _make;

    internal RowMap((string Column, Func<T, CellValue> Get)[] columns, int keyColumns, Func<Row, T> make)
    {
        _columns = columns;
        _keyColumns = keyColumns;
        _make = make;
        Columns = [.. columns.Select(static c => c.Column)];
    }

    /// <summary>Names of the columns that it knows: those of the key first, in the key's order.</summary>
    public IReadOnlyList<string> Columns { get; }

    public Row ToRow(T value)
    {
        var cells = new Cell[_columns.Length];
        for (var i = 0; i < cells.Length; i++) cells[i] = new Cell(_columns[i].Column, _columns[i].Get(value));
        return Row.Create(cells);
    }

    /// <summary>The primary key's values, in its order.</summary>
    public IReadOnlyList<CellValue> KeyOf(T value)
    {
        var key = new CellValue[_keyColumns];
        for (var i = 0; i < key.Length; i++) key[i] = _columns[i].Get(value);
        return key;
    }

    public T FromRow(Row row) => _make(row);

    internal Versioned<T> FromRow(VersionedRow row) => new(_make(row.Values), row.Version, row.ExpiresAt);
}

/// <summary>Begins a <see cref="RowMap{T}"/>.</summary>
public static class RowMap
{
    /// <example>
    /// <code>
    /// var users = RowMap.For&lt;User&gt;().Key("id", u => u.Id).Column("name", u => u.Name).Column("mail", u => u.Mail.OrNull())
    ///     .Build(row => new User(row["id"].AsInt64(), row["name"].AsString(), row["mail"].AsStringOrNull()));
    /// </code>
    /// </example>
    public static RowMapBuilder<T> For<T>() => new();
}

/// <summary>Gathers the columns of a <see cref="RowMap{T}"/>.</summary>
public sealed class RowMapBuilder<T>
{
    private readonly List<(string Column, Func<T, CellValue> Get)> _key = [];
    private readonly List<(string Column, Func<T, CellValue> Get)> _others = [];

    /// <summary>A column of the primary key, in the key's order.</summary>
    public RowMapBuilder<T> Key(string column, Func<T, CellValue> get) => Add(_key, column, get);

    /// <summary>Any other column.</summary>
    public RowMapBuilder<T> Column(string column, Func<T, CellValue> get) => Add(_others, column, get);

    /// <param name="make">Makes an object of a row that has all the columns.</param>
    /// <exception cref="InvalidOperationException">There is no column of the key.</exception>
    public RowMap<T> Build(Func<Row, T> make)
    {
        ArgumentNullException.ThrowIfNull(make);
        if (_key.Count == 0) throw new InvalidOperationException("A row map needs the columns of the primary key.");
        return new RowMap<T>([.. _key, .. _others], _key.Count, make);
    }

    private RowMapBuilder<T> Add(List<(string Column, Func<T, CellValue> Get)> columns, string column, Func<T, CellValue> get)
    {
        ArgumentNullException.ThrowIfNull(get);
        if (!TableNames.IsValid(column)) throw new ArgumentException($"'{column}' is no name of a column.", nameof(column));
        if (_key.Concat(_others).Any(c => c.Column == column)) throw new ArgumentException($"Column '{column}' is there already.", nameof(column));
        columns.Add((column, get));
        return this;
    }
}
