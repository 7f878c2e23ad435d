namespace Delos.Protocol.Tables;

/// <summary>A value and the column that it is for.</summary>
/// <param name="Column">Its name.</param>
/// <param name="Value">Of the column's type, or null.</param>
public readonly record struct Cell(string Column, CellValue Value);

/// <summary>Some columns' values, by name: what is put, or what an update sets. Immutable. Made by a collection expression of (name, value) pairs or by <see cref="With"/>.</summary>
[System.Runtime.CompilerServices.CollectionBuilder(typeof(Row), nameof(Create))]
public sealed class Row : IReadOnlyList<Cell>, IEquatable<Row>
{
    private readonly Cell[] _cells;

    internal Row(Cell[] cells) => _cells = cells;

    public static Row Empty { get; } = new([]);

    public int Count => _cells.Length;

    public Cell this[int index] => _cells[index];

    /// <exception cref="KeyNotFoundException">The row says nothing about that column.</exception>
    public CellValue this[string column] => TryGet(column, out var value) ? value : throw new KeyNotFoundException($"The row has no value of column '{column}'.");

    public static Row Create(ReadOnlySpan<Cell> cells) => new(cells.ToArray());

    public static Row Of(params ReadOnlySpan<(string Column, CellValue Value)> cells)
    {
        var copy = new Cell[cells.Length];
        for (var i = 0; i < cells.Length; i++) copy[i] = new Cell(cells[i].Column, cells[i].Value);
        return new Row(copy);
    }

    /// <summary>A value for each column.</summary>
    public static Row Of(IReadOnlyList<string> columns, IReadOnlyList<CellValue> values)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(values.Count, columns.Count);
        var cells = new Cell[values.Count];
        for (var i = 0; i < cells.Length; i++) cells[i] = new Cell(columns[i], values[i]);
        return new Row(cells);
    }

    /// <summary>The same with one more value, or another in place of the column's.</summary>
    public Row With(string column, CellValue value)
    {
        var cells = _cells.ToList();
        var at = cells.FindIndex(c => c.Column == column);
        if (at >= 0) cells[at] = new Cell(column, value);
        else cells.Add(new Cell(column, value));
        return new Row([.. cells]);
    }

    public bool TryGet(string column, out CellValue value)
    {
        foreach (var cell in _cells)
        {
            if (cell.Column != column) continue;
            value = cell.Value;
            return true;
        }

        value = default;
        return false;
    }

    public IEnumerator<Cell> GetEnumerator() => ((IEnumerable<Cell>)_cells).GetEnumerator();

    System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => _cells.GetEnumerator();

    public bool Equals(Row? other) => other is not null && _cells.AsSpan().SequenceEqual(other._cells);

    public override bool Equals(object? obj) => Equals(obj as Row);

    public override int GetHashCode() => Count == 0 ? 0 : HashCode.Combine(Count, _cells[0]);

    public override string ToString() => "{" + string.Join(", ", _cells.Select(c => $"{c.Column} = {c.Value}")) + "}";
}
