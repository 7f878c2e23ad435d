using Delos.Protocol.Messages;

namespace Delos.Protocol.Tables;

/// <summary>A range of keys as stored, [from, to), of a table's primary key or of one of its indexes. What a scan really read; answers carry it, read sets bring it back.</summary>
/// <param name="IndexId">0: the primary key.</param>
/// <param name="From">First key; empty: from the very first.</param>
/// <param name="To">First key beyond; empty: to the very last.</param>
public sealed record KeyRange(uint IndexId, byte[] From, byte[] To)
{
    public bool Contains(ReadOnlySpan<byte> key) => key.SequenceCompareTo(From) >= 0 && (To.Length == 0 || key.SequenceCompareTo(To) < 0);

    internal static KeyRange Read(ref MessageReader reader) => new(reader.U32(), reader.Bytes(), reader.Bytes());

    internal void Write(ByteBuilder bytes)
    {
        bytes.U32(IndexId);
        bytes.Bytes(From);
        bytes.Bytes(To);
    }
}

/// <summary>That a row was read.</summary>
/// <param name="Key">The primary key's values, in its order.</param>
/// <param name="Seen">The version it had; <see cref="RowVersion.None"/>: it was not there.</param>
public sealed record ReadKey(IReadOnlyList<CellValue> Key, RowVersion Seen);

/// <summary>What an optimistic transaction read of one table.</summary>
/// <param name="TableId">The table.</param>
/// <param name="Generation">Of its schema, as it was read.</param>
/// <param name="Keys">Rows, by key.</param>
/// <param name="Ranges">Ranges that were scanned: a row that came, went or changed in one since the snapshot is a conflict.</param>
public sealed record TableReads(uint TableId, uint Generation, IReadOnlyList<ReadKey> Keys, IReadOnlyList<KeyRange> Ranges);

/// <summary>What an optimistic transaction read, all of it at one snapshot. It is applied only if it would read the same now.</summary>
/// <param name="Snapshot">Where it read.</param>
/// <param name="Tables">By table, each once.</param>
public sealed record ReadSet(SnapshotId Snapshot, IReadOnlyList<TableReads> Tables);
