using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Delos.Protocol.Entries;
using Delos.Protocol.Identity;

namespace Delos.Daemon.Storage;

/// <summary>
/// The fixed part of a record, little-endian, 72 bytes, behind FasterLog's own 4-byte length:
/// <code>
/// offset size
///      0    4  CRC32C of the bytes 4 .. 72
///      4    1  kind
///      5    3  zero
///      8    8  nonce: random per generation, so that bytes of another use of the file never pass
///     16   16  Loglet id
///     32    8  first position
///     40    4  number of positions
///     44    4  length of the payload
///     48    4  CRC32C of the payload; for entries, which carry their own, of these checksums in their order (0: not stated, by older versions)
///     52    4  distance from the start of the record before this one (0: it is the first): shows a lost record even where padding may lie
///     56    8  address: where this record starts in its generation
///     64    8  everything of this generation below this address was durable when the record was written
/// </code>
/// </summary>
[StructLayout(LayoutKind.Auto)]
public readonly record struct RecordHeader
{
    public const int Size = 72;

    public RecordKind Kind { get; init; }

    public ulong Nonce { get; init; }

    public LogletId Loglet { get; init; }

    public long First { get; init; }

    public int Count { get; init; }

    public int PayloadLength { get; init; }

    public uint PayloadCrc { get; init; }

    public uint PreviousDistance { get; init; }

    public long Address { get; init; }

    public long DurableAddress { get; init; }

    /// <summary>The position after the record's last one.</summary>
    public long End => First + Count;

    internal void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination[..8], (ulong)Kind << 32);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], Nonce);
        Loglet.Write(destination.Slice(16, LogletId.Size));
        BinaryPrimitives.WriteInt64LittleEndian(destination[32..], First);
        BinaryPrimitives.WriteInt32LittleEndian(destination[40..], Count);
        BinaryPrimitives.WriteInt32LittleEndian(destination[44..], PayloadLength);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[48..], PayloadCrc);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[52..], PreviousDistance);
        BinaryPrimitives.WriteInt64LittleEndian(destination[56..], Address);
        BinaryPrimitives.WriteInt64LittleEndian(destination[64..], DurableAddress);
        BinaryPrimitives.WriteUInt32LittleEndian(destination, Crc32C.Compute(destination[4..Size]));
    }

    /// <summary>False: too few bytes, a checksum that does not hold, another generation's nonce, or not written for this address.</summary>
    internal static bool TryRead(ReadOnlySpan<byte> source, ulong nonce, long address, out RecordHeader header)
    {
        header = default;
        if (source.Length < Size || BinaryPrimitives.ReadUInt64LittleEndian(source[8..]) != nonce) return false;
        if (BinaryPrimitives.ReadUInt32LittleEndian(source) != Crc32C.Compute(source[4..Size])) return false;
        if (BinaryPrimitives.ReadInt64LittleEndian(source[56..]) != address) return false;
        header = new RecordHeader
        {
            Kind = (RecordKind)source[4],
            Nonce = nonce,
            Loglet = LogletId.Read(source.Slice(16, LogletId.Size)),
            First = BinaryPrimitives.ReadInt64LittleEndian(source[32..]),
            Count = BinaryPrimitives.ReadInt32LittleEndian(source[40..]),
            PayloadLength = BinaryPrimitives.ReadInt32LittleEndian(source[44..]),
            PayloadCrc = BinaryPrimitives.ReadUInt32LittleEndian(source[48..]),
            PreviousDistance = BinaryPrimitives.ReadUInt32LittleEndian(source[52..]),
            Address = address,
            DurableAddress = BinaryPrimitives.ReadInt64LittleEndian(source[64..]),
        };
        return header.PayloadLength >= 0 && header.Count >= 0 && header.First >= 0 && header.First <= long.MaxValue - header.Count;
    }
}
