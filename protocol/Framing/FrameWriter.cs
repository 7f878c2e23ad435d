using System.Buffers.Binary;
using Delos.Protocol.Messages;

namespace Delos.Protocol.Framing;

/// <summary>Writes headers and metadata. Pure: knows nothing of sockets.</summary>
public static class FrameWriter
{
    /// <summary>Bytes of header and metadata of a frame with this message.</summary>
    public static int SizeOf<T>(in T message)
        where T : struct, IMessage<T> => checked(FrameHeader.Size + message.Size);

    /// <summary>
    /// Writes header and metadata to the front of <paramref name="destination"/>, which has at least <see cref="SizeOf{T}"/> bytes, and returns how many that were;
    /// <paramref name="payloadLength"/> bytes of payload must follow on the wire.
    /// </summary>
    public static int Write<T>(Span<byte> destination, in T message, int payloadLength, ulong correlationId, FrameFlags flags, byte version)
        where T : struct, IMessage<T>
    {
        var size = SizeOf(message);
        var metadata = destination[FrameHeader.Size..size];
        var writer = new MessageWriter(metadata);
        message.Write(ref writer);
        if (writer.Position != metadata.Length) throw new InvalidOperationException($"{typeof(T).Name} wrote {writer.Position} bytes of the {metadata.Length} that it announced.");
        new FrameHeader(checked(size + payloadLength), version, T.Type, flags, correlationId, metadata.Length, 0).Write(destination);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[FrameHeader.ChecksummedSize..], FrameHeader.ComputeChecksum(destination, metadata));
        return size;
    }
}
