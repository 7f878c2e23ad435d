using System.Buffers;
using Delos.Protocol.Blocks;
using Delos.Protocol.Messages;

namespace Delos.Protocol.Framing;

/// <summary>One received frame, where it was received. Valid only during the call that hands it out; <see cref="RetainPayload"/> keeps the payload longer.</summary>
public readonly ref struct Frame(FrameHeader header, ReadOnlySpan<byte> metadata, ReadOnlySequence<byte> payload)
{
    public FrameHeader Header { get; } = header;

    /// <summary>The message's bytes, contiguous, covered by the frame's checksum.</summary>
    public ReadOnlySpan<byte> Metadata { get; } = metadata;

    /// <summary>Entries back to back, or nothing; not covered by the frame's checksum.</summary>
    public ReadOnlySequence<byte> Payload { get; } = payload;

    public FrameType Type => Header.Type;

    public ulong CorrelationId => Header.CorrelationId;

    public bool IsReply => Header.IsReply;

    /// <summary>False if the frame is of another type or its metadata are not exactly one such message.</summary>
    public bool TryRead<T>(out T message)
        where T : struct, IReadableMessage<T> => TryRead(Header.Type, Metadata, out message);

    /// <summary>Keeps the payload's blocks alive; the caller owns one reference.</summary>
    public RetainedPayload RetainPayload() => RetainedPayload.Create(Payload);

    internal static bool TryRead<T>(FrameType type, ReadOnlySpan<byte> metadata, out T message)
        where T : struct, IReadableMessage<T>
    {
        if (type == T.Type)
        {
            var reader = new MessageReader(metadata);
            if (T.TryRead(ref reader, out message) && reader.IsComplete) return true;
        }

        message = default;
        return false;
    }
}
