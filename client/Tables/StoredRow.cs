using Delos.Protocol.Messages;
using Delos.Protocol.Tables;

namespace Delos.Tables;

/// <summary>
/// A row as the store has it. The columns of the primary key are in the key alone; the others are kept with their ids. A column that the stored row does not name was added after it was written: it has its default.
/// </summary>
/// <param name="Version">Which command wrote it.</param>
/// <param name="ExpiresAt">In microseconds since 1970-01-01 00:00 UTC; <see cref="Never"/>: it does not.</param>
/// <param name="Values">Of all columns, in the schema's order.</param>
/// <param name="Size">Bytes of primary key and stored row.</param>
internal sealed record StoredRow(RowVersion Version, long ExpiresAt, CellValue[] Values, int Size)
{
    public const long Never = long.MaxValue;
    private const byte Format = 1;

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

    /// <exception cref="InvalidDataException">The bytes are damaged.</exception>
    public static StoredRow Decode(TableLayout layout, ReadOnlySpan<byte> primaryKey, ReadOnlySpan<byte> bytes)
    {
        var columns = layout.Schema.Columns;
        var values = new CellValue[columns.Count];
        var key = primaryKey;
        foreach (var ordinal in layout.KeyColumns)
        {
            if (!KeyCodec.TryRead(ref key, out values[ordinal])) throw Damaged(layout);
        }

        var reader = new MessageReader(bytes);
        if (reader.U8() != Format) reader.Fail();
        var version = new RowVersion(reader.I64(), (int)reader.U32());
        var expiresAt = reader.I64();
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
        return reader.IsComplete && key.IsEmpty ? new StoredRow(version, expiresAt, values, primaryKey.Length + bytes.Length) : throw Damaged(layout);
    }

    private static void SetDefault(TableLayout layout, CellValue[] values, int ordinal)
    {
        if (!layout.IsKey(ordinal)) values[ordinal] = layout.Schema.Columns[ordinal].Default;
    }

    private static InvalidDataException Damaged(TableLayout layout) => new($"A row of table '{layout.Schema.Name}' is damaged in the store.");
}
