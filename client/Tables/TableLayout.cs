using Delos.Protocol.Tables;

namespace Delos.Tables;

/// <summary>A schema with what is looked up for every row: where the columns of the keys are. Immutable.</summary>
internal sealed class TableLayout
{
    private readonly Dictionary<string, int> _ordinals = new(StringComparer.Ordinal);
    private readonly int[][] _indexColumns;
    private readonly bool[] _isKey;

    public TableLayout(TableSchema schema)
    {
        Schema = schema;
        KeyColumns = OrdinalsOf(schema, schema.PrimaryKey);
        _indexColumns = [.. schema.Indexes.Select(i => OrdinalsOf(schema, i.Columns))];
        _isKey = new bool[schema.Columns.Count];
        foreach (var ordinal in KeyColumns) _isKey[ordinal] = true;
        for (var i = 0; i < schema.Columns.Count; i++) _ordinals.Add(schema.Columns[i].Name, i);
    }

    public TableSchema Schema { get; }

    /// <summary>Where the primary key's columns are among the schema's, in the key's order.</summary>
    public int[] KeyColumns { get; }

    public bool IsKey(int ordinal) => _isKey[ordinal];

    /// <summary>-1: there is no such column.</summary>
    public int OrdinalOf(string column) => _ordinals.GetValueOrDefault(column, -1);

    /// <summary>Where the columns of the schema's n-th index are.</summary>
    public int[] IndexColumns(int index) => _indexColumns[index];

    /// <summary>Ordinals of the columns that make up a key: an index's columns and behind them the primary key's.</summary>
    public int[] ScanColumns(int index) => index < 0 ? KeyColumns : [.. _indexColumns[index], .. KeyColumns];

    /// <summary>The row's primary key, encoded.</summary>
    public byte[] PrimaryKeyOf(CellValue[] values)
    {
        var key = ByteBuilder.Scratch;
        foreach (var ordinal in KeyColumns) KeyCodec.Append(key, values[ordinal]);
        return key.ToArray();
    }

    /// <summary>The values of an encoded primary key.</summary>
    /// <exception cref="InvalidDataException">It is none of this table's.</exception>
    public CellValue[] DecodeKey(ReadOnlySpan<byte> primaryKey)
    {
        var values = new CellValue[KeyColumns.Length];
        for (var i = 0; i < values.Length; i++)
        {
            if (!KeyCodec.TryRead(ref primaryKey, out values[i])) throw new InvalidDataException($"A primary key of table '{Schema.Name}' is damaged in the store.");
        }

        return values;
    }

    /// <summary>The row's key in the schema's n-th index.</summary>
    public IndexEntry EntryOf(int index, CellValue[] values, ReadOnlySpan<byte> primaryKey)
    {
        var key = ByteBuilder.Scratch;
        key.U32BigEndian(Schema.Indexes[index].Id);
        var hasNull = false;
        foreach (var ordinal in _indexColumns[index])
        {
            hasNull |= values[ordinal].IsNull;
            KeyCodec.Append(key, values[ordinal]);
        }

        var columns = key.Length;
        key.Raw(primaryKey);
        return new IndexEntry(key.ToArray(), columns, hasNull);
    }

    private static int[] OrdinalsOf(TableSchema schema, IReadOnlyList<ushort> ids) => [.. ids.Select(schema.OrdinalOf)];
}

/// <summary>A row's key in an index.</summary>
/// <param name="Key">As stored.</param>
/// <param name="PrefixLength">Of index id and columns, in front of the primary key.</param>
/// <param name="HasNull">One of the columns is null: does not count for uniqueness.</param>
internal readonly record struct IndexEntry(byte[] Key, int PrefixLength, bool HasNull)
{
    public ReadOnlySpan<byte> Prefix => Key.AsSpan(0, PrefixLength);
}
