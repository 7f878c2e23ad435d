using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Protocol.Messages;

/// <summary>Sequencer → LogServer: one round of the fast checkTail.</summary>
/// <param name="Loglet">Which Loglet.</param>
/// <param name="Incarnation">The sequencer incarnation named in its config.</param>
/// <param name="Round">Counts the sequencer's rounds.</param>
public readonly record struct Confirm(LogletId Loglet, ulong Incarnation, ulong Round) : IMessage<Confirm>
{
    public static FrameType Type => FrameType.Confirm;

    public int Size => 32;

    public void Write(ref MessageWriter writer)
    {
        writer.Loglet(Loglet);
        writer.U64(Incarnation);
        writer.U64(Round);
    }

    public static bool TryRead(ref MessageReader reader, out Confirm message)
    {
        var loglet = reader.Loglet();
        var incarnation = reader.U64();
        var round = reader.U64();
        message = new Confirm(loglet, incarnation, round);
        return reader.IsComplete;
    }
}

/// <summary>LogServer → sequencer. Ok: the replica is open, of this incarnation, and durably holds everything below DurableTail; counts as an acknowledgement.</summary>
/// <param name="Loglet">Which Loglet.</param>
/// <param name="Incarnation">The sequencer incarnation named in its config.</param>
/// <param name="Round">Of the request.</param>
/// <param name="Status">How it ended.</param>
/// <param name="DurableTail">First position not durably held.</param>
public readonly record struct ConfirmReply(LogletId Loglet, ulong Incarnation, ulong Round, StatusCode Status, long DurableTail) : IMessage<ConfirmReply>
{
    public static FrameType Type => FrameType.ConfirmReply;

    public int Size => 42;

    public void Write(ref MessageWriter writer)
    {
        writer.Loglet(Loglet);
        writer.U64(Incarnation);
        writer.U64(Round);
        writer.U16((ushort)Status);
        writer.I64(DurableTail);
    }

    public static bool TryRead(ref MessageReader reader, out ConfirmReply message)
    {
        var loglet = reader.Loglet();
        var incarnation = reader.U64();
        var round = reader.U64();
        var status = (StatusCode)reader.U16();
        var durableTail = reader.Position();
        message = new ConfirmReply(loglet, incarnation, round, status, durableTail);
        return reader.IsComplete;
    }
}
