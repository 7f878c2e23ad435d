using Delos.Protocol.Messages;
using Delos.Protocol.Tables;

namespace Delos.Tables;

/// <summary>
/// A row as the store has it. The columns of the primary key are in the key alone; the others are kept with their ids. A column that the stored row does not name was added after it was written: it has its default.
/// </summary>
internal sealed class StoredRow
{
    public const long Never = long.MaxValue;
    private const byte Format = 1;

    private readonly TableLayout _layout;
    private readonly byte[] _primaryKey;
    private readonly byte[] _bytes;
    private CellValue[]? _values;

    private StoredRow(TableLayout layout, byte[] primaryKey, byte[] bytes, RowVersion version, long expiresAt, int size)
    {
        (_layout, _primaryKey, _bytes) = (layout, primaryKey, bytes);
        (Version, ExpiresAt, Size) = (version, expiresAt, size);
    }

    /// <summary>Which command wrote it.</summary>
    public RowVersion Version { get; }

    /// <summary>In microseconds since 1970-01-01 00:00 UTC; <see cref="Never"/>: it does not.</summary>
    public long ExpiresAt { get; }

    /// <summary>Bytes of primary key and stored row.</summary>
    public int Size { get; }

    /// <summary>Of all columns, in the schema's order.</summary>
    /// <exception cref="InvalidDataException">The bytes are damaged.</exception>
    public CellValue[] Values => _values ??= DecodeValues(_layout, _primaryKey, _bytes);

    public bool IsVisibleAt(long time) => ExpiresAt > time;

    /// <summary>Format (1 byte), version (8 + 4), expiry (8), number of columns (2), and for each its id (2) and value.</summary>
    public static byte[] Encode(TableLayout layout, RowVersion version, long expiresAt, CellValue[] values)
    {
        var bytes = ByteBuilder.Scratch;
        bytes.U8(Format);
        bytes.I64(version.Position);
        bytes.U32((uint)version.Index);
        bytes.I64(expiresAt);
        bytes.U16((ushort)(values.Length - layout.KeyColumns.Length));
        for (var i = 0; i < values.Length; i++)
        {
            if (layout.IsKey(i)) continue;
            bytes.U16(layout.Schema.Columns[i].Id);
            CellCodec.Write(bytes, values[i]);
        }

        return bytes.ToArray();
    }

    /// <summary>The row with those bytes, which belong to it from now on; its values are decoded when they are asked for.</summary>
    /// <exception cref="InvalidDataException">The bytes are damaged.</exception>
    public static StoredRow Of(TableLayout layout, byte[] primaryKey, byte[] bytes)
    {
        var (version, expiresAt) = DecodeHead(layout, new MessageReader(bytes), out _);
        return new StoredRow(layout, primaryKey, bytes, version, expiresAt, primaryKey.Length + bytes.Length);
    }

    /// <summary>As the other one, with its values; the bytes are not needed afterwards.</summary>
    /// <exception cref="InvalidDataException">The bytes are damaged.</exception>
    public static StoredRow Decode(TableLayout layout, ReadOnlySpan<byte> primaryKey, ReadOnlySpan<byte> bytes)
    {
        var (version, expiresAt) = DecodeHead(layout, new MessageReader(bytes), out _);
        return new StoredRow(layout, [], [], version, expiresAt, primaryKey.Length + bytes.Length) { _values = DecodeValues(layout, primaryKey, bytes) };
    }

    private static (RowVersion Version, long ExpiresAt) DecodeHead(TableLayout layout, MessageReader reader, out MessageReader rest)
    {
        if (reader.U8() != Format) reader.Fail();
        var version = new RowVersion(reader.I64(), (int)reader.U32());
        var expiresAt = reader.I64();
        rest = reader;
        return reader.Failed ? throw Damaged(layout) : (version, expiresAt);
    }

    private static CellValue[] DecodeValues(TableLayout layout, ReadOnlySpan<byte> primaryKey, ReadOnlySpan<byte> bytes)
    {
        var columns = layout.Schema.Columns;
        var values = new CellValue[columns.Count];
        foreach (var ordinal in layout.KeyColumns)
        {
            if (!KeyCodec.TryRead(ref primaryKey, out values[ordinal])) throw Damaged(layout);
        }

        DecodeHead(layout, new MessageReader(bytes), out var reader);
        var stored = reader.U16();
        var ordinalOfNext = 0;
        for (; stored > 0 && !reader.Failed; stored--)
        {
            var id = reader.U16();
            var value = CellCodec.Read(ref reader);

            // Both are in the order of ids. What was dropped since is passed over, what was added since has its default.
            for (; ordinalOfNext < columns.Count && (columns[ordinalOfNext].Id < id || layout.IsKey(ordinalOfNext)); ordinalOfNext++) SetDefault(layout, values, ordinalOfNext);
            if (ordinalOfNext < columns.Count && columns[ordinalOfNext].Id == id) values[ordinalOfNext++] = value;
        }

        for (; ordinalOfNext < columns.Count; ordinalOfNext++) SetDefault(layout, values, ordinalOfNext);
        return reader.IsComplete && primaryKey.IsEmpty ? values : throw Damaged(layout);
    }

    private static void SetDefault(TableLayout layout, CellValue[] values, int ordinal)
    {
        if (!layout.IsKey(ordinal)) values[ordinal] = layout.Schema.Columns[ordinal].Default;
    }

    private static InvalidDataException Damaged(TableLayout layout) => new($"A row of table '{layout.Schema.Name}' is damaged in the store.");
}
