using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Delos.Protocol.Entries;

/// <summary>
/// The bytes of one log entry, the same from client to disk to reader:
/// <code>
/// offset size
///      0    4  CRC32C of the bytes 4 .. 32 + length
///      4    4  length of the payload
///      8    8  append id: client id
///     16    8  append id: sequence
///     24    1  kind (EntryKind)
///     25    7  zero
///     32       payload
/// </code>
/// Little-endian. An entry does not carry its position: the sequencer decides that, and records and frames give the position of their first entry.
/// </summary>
public static class EntryCodec
{
    public const int HeaderSize = 32;

    /// <summary>The largest payload that the format allows, whatever the configured limit: 16 MiB.</summary>
    public const int MaxPayload = 16 << 20;

    public static int EncodedSize(int payloadLength) => HeaderSize + payloadLength;

    /// <summary>Writes a whole entry; <paramref name="destination"/> has at least <see cref="EncodedSize"/> bytes.</summary>
    public static int Encode(Span<byte> destination, AppendId id, EntryKind kind, ReadOnlySpan<byte> payload)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payload.Length, MaxPayload);
        var size = EncodedSize(payload.Length);
        var entry = destination[..size];
        BinaryPrimitives.WriteInt32LittleEndian(entry[4..], payload.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(entry[8..], id.ClientId);
        BinaryPrimitives.WriteUInt64LittleEndian(entry[16..], id.Sequence);
        BinaryPrimitives.WriteUInt64LittleEndian(entry[24..], (ulong)kind);
        payload.CopyTo(entry[HeaderSize..]);
        BinaryPrimitives.WriteUInt32LittleEndian(entry, Crc32C.Compute(entry[4..]));
        return size;
    }

    /// <summary>Reads the fixed part. False: fewer than <see cref="HeaderSize"/> bytes, or a length or kind that no entry has. The checksum is not checked.</summary>
    public static bool TryReadHeader(ReadOnlySpan<byte> source, out EntryHeader header)
    {
        header = default;
        if (source.Length < HeaderSize) return false;
        var length = BinaryPrimitives.ReadInt32LittleEndian(source[4..]);
        var kindAndZero = BinaryPrimitives.ReadUInt64LittleEndian(source[24..]);
        if ((uint)length > MaxPayload || kindAndZero > (ulong)EntryKind.Deleted) return false;
        header = new EntryHeader(
            BinaryPrimitives.ReadUInt32LittleEndian(source),
            length,
            new AppendId(BinaryPrimitives.ReadUInt64LittleEndian(source[8..]), BinaryPrimitives.ReadUInt64LittleEndian(source[16..])),
            (EntryKind)kindAndZero);
        return true;
    }

    /// <summary>True if <paramref name="entry"/> is exactly one entry whose checksum holds.</summary>
    public static bool IsIntact(ReadOnlySpan<byte> entry) =>
        TryReadHeader(entry, out var header) && entry.Length == header.Size && Crc32C.Compute(entry[4..]) == header.Crc;
}

/// <summary>The fixed part of an entry.</summary>
[StructLayout(LayoutKind.Auto)]
public readonly record struct EntryHeader(uint Crc, int PayloadLength, AppendId Id, EntryKind Kind)
{
    /// <summary>Bytes of the whole entry.</summary>
    public int Size => EntryCodec.HeaderSize + PayloadLength;
}
