using Delos.Protocol.Framing;

namespace Delos.Protocol.Messages;

/// <summary>The metadata of one frame type: fixed binary layout, little-endian, described byte by byte in docs/protocol.md.</summary>
public interface IMessage<TSelf>
    where TSelf : struct, IMessage<TSelf>
{
    static abstract FrameType Type { get; }

    /// <summary>Bytes that <see cref="Write"/> writes.</summary>
    int Size { get; }

    void Write(ref MessageWriter writer);

    /// <summary>False if the bytes are not exactly one such message.</summary>
    static abstract bool TryRead(ref MessageReader reader, out TSelf message);
}
