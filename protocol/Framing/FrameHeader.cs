using System.Buffers.Binary;
using Delos.Protocol.Entries;

namespace Delos.Protocol.Framing;

/// <summary>
/// The first 24 bytes of every frame, little-endian:
/// <code>
/// offset size
///      0    4  length of the whole frame
///      4    1  protocol version
///      5    1  type (FrameType)
///      6    2  flags (FrameFlags)
///      8    8  correlation id
///     16    4  length of the metadata
///     20    4  CRC32C of the bytes 0 .. 20 and of the metadata
///     24       metadata, then payload
/// </code>
/// The payload is not covered: entries carry checksums of their own, from the client to the disk.
/// </summary>
public readonly record struct FrameHeader(int Length, byte Version, FrameType Type, FrameFlags Flags, ulong CorrelationId, int MetadataLength, uint Checksum)
{
    /// <summary>Bytes of the header.</summary>
    public const int Size = 24;

    /// <summary>Bytes of the header that the checksum covers.</summary>
    public const int ChecksummedSize = 20;

    /// <summary>The oldest protocol version that this code speaks.</summary>
    public const byte MinVersion = 1;

    /// <summary>The newest protocol version that this code speaks; Hello and the answer to it always carry <see cref="MinVersion"/>.</summary>
    public const byte MaxVersion = 1;

    public bool IsReply => (Flags & FrameFlags.Reply) != 0;

    public int PayloadLength => Length - Size - MetadataLength;

    /// <summary>Reads the fields; <paramref name="source"/> has at least <see cref="Size"/> bytes. Nothing is checked.</summary>
    public static FrameHeader Read(ReadOnlySpan<byte> source) => new(
        BinaryPrimitives.ReadInt32LittleEndian(source),
        source[4],
        (FrameType)source[5],
        (FrameFlags)BinaryPrimitives.ReadUInt16LittleEndian(source[6..]),
        BinaryPrimitives.ReadUInt64LittleEndian(source[8..]),
        BinaryPrimitives.ReadInt32LittleEndian(source[16..]),
        BinaryPrimitives.ReadUInt32LittleEndian(source[20..]));

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination[20..], Checksum);
        BinaryPrimitives.WriteInt32LittleEndian(destination[16..], MetadataLength);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], CorrelationId);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[6..], (ushort)Flags);
        destination[5] = (byte)Type;
        destination[4] = Version;
        BinaryPrimitives.WriteInt32LittleEndian(destination, Length);
    }

    /// <summary>The checksum of a header's first 20 bytes and the metadata.</summary>
    public static uint ComputeChecksum(ReadOnlySpan<byte> header, ReadOnlySpan<byte> metadata) =>
        Crc32C.Finish(Crc32C.Append(Crc32C.Append(Crc32C.Begin(), header[..ChecksummedSize]), metadata));
}
