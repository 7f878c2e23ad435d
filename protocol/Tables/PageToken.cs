using System.Buffers.Binary;
using Delos.Protocol.Entries;
using Delos.Protocol.Messages;

namespace Delos.Protocol.Tables;

/// <summary>
/// Where a scan goes on, opaque to clients. Bound to the query that made it and to its snapshot: a page of another state could repeat rows or leave some out. Bytes: format (1), the fields below, CRC32C of all before (4).
/// </summary>
/// <param name="TableId">The table.</param>
/// <param name="IndexId">The index; 0: the primary key.</param>
/// <param name="Generation">Of the table's schema.</param>
/// <param name="Snapshot">Which state the pages show.</param>
/// <param name="QueryHash">CRC32C of bounds, direction, columns and filters of the query.</param>
/// <param name="LastKey">The key as stored that the page before ended with.</param>
public sealed record PageToken(uint TableId, uint IndexId, uint Generation, SnapshotId Snapshot, uint QueryHash, byte[] LastKey)
{
    private const byte Format = 1;
    private const int CrcSize = 4;

    /// <summary>Null if the bytes are no token, or not as they were given out.</summary>
    public static PageToken? Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < CrcSize || Crc32C.Compute(bytes[..^CrcSize]) != BinaryPrimitives.ReadUInt32LittleEndian(bytes[^CrcSize..])) return null;
        var reader = new MessageReader(bytes[..^CrcSize]);
        if (reader.U8() != Format) return null;
        var token = new PageToken(reader.U32(), reader.U32(), reader.U32(), SnapshotId.Read(ref reader), reader.U32(), reader.Bytes());
        return reader.IsComplete ? token : null;
    }

    /// <summary>The hash by which a query recognizes its tokens: pages may differ in size, in nothing else.</summary>
    public static uint HashOf(ScanRows query) => Crc32C.Compute(TableQueryCodec.Encode(query with { Token = null, Snapshot = null, Limit = 0, MaxBytes = 0 }));

    public byte[] Encode()
    {
        var bytes = new ByteBuilder(64 + LastKey.Length);
        bytes.U8(Format);
        bytes.U32(TableId);
        bytes.U32(IndexId);
        bytes.U32(Generation);
        Snapshot.Write(bytes);
        bytes.U32(QueryHash);
        bytes.Bytes(LastKey);
        bytes.U32(Crc32C.Compute(bytes.Written));
        return bytes.ToArray();
    }
}
