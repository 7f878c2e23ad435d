using Delos.Protocol.Framing;

namespace Delos.Protocol.Messages;

/// <summary>What can be read from the metadata of one frame type.</summary>
public interface IReadableMessage<TSelf>
    where TSelf : struct, IReadableMessage<TSelf>
{
    static abstract FrameType Type { get; }

    /// <summary>False if the bytes are not exactly one such message.</summary>
    static abstract bool TryRead(ref MessageReader reader, out TSelf message);
}

/// <summary>The metadata of one frame type: fixed binary layout, little-endian, described byte by byte in docs/protocol.md.</summary>
public interface IMessage<TSelf> : IReadableMessage<TSelf>
    where TSelf : struct, IMessage<TSelf>
{
    /// <summary>Bytes that <see cref="Write"/> writes.</summary>
    int Size { get; }

    void Write(ref MessageWriter writer);
}
