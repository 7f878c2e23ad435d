using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Protocol.Messages;

/// <summary>LogServer → sequencer, once per group commit or refusal. Ok: the replica durably holds everything below DurableTail and was not sealed when it became durable. Any other status acknowledges nothing.</summary>
/// <param name="Loglet">Which Loglet.</param>
/// <param name="Incarnation">The sequencer incarnation named in its config.</param>
/// <param name="Status">How it ended.</param>
/// <param name="DurableTail">First position not durably held.</param>
/// <param name="AcceptedTail">First position not accepted: where an out-of-order sender resends from.</param>
public readonly record struct StoreAck(LogletId Loglet, ulong Incarnation, StatusCode Status, long DurableTail, long AcceptedTail) : IMessage<StoreAck>
{
    public static FrameType Type => FrameType.StoreAck;

    /// <summary>Readers at the replica wait for the global tail. Not part of the metadata, but <see cref="FrameFlags.WantsTail"/> of the frame.</summary>
    public bool WantsTail { get; init; }

    public FrameFlags Flags => WantsTail ? FrameFlags.WantsTail : FrameFlags.None;

    public int Size => 42;

    public void Write(ref MessageWriter writer)
    {
        writer.Loglet(Loglet);
        writer.U64(Incarnation);
        writer.U16((ushort)Status);
        writer.I64(DurableTail);
        writer.I64(AcceptedTail);
    }

    public static bool TryRead(ref MessageReader reader, out StoreAck message)
    {
        var loglet = reader.Loglet();
        var incarnation = reader.U64();
        var status = (StatusCode)reader.U16();
        var durableTail = reader.Position();
        var acceptedTail = reader.Position();
        message = new StoreAck(loglet, incarnation, status, durableTail, acceptedTail);
        return reader.IsComplete;
    }
}
