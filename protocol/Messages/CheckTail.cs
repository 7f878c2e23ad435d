using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Protocol.Messages;

/// <summary>Client → sequencer: the linearizable tail; confirmed by a round to a majority that starts after this request arrived (DESIGN §3, fast path).</summary>
/// <param name="Loglet">Which Loglet.</param>
/// <param name="Incarnation">The sequencer incarnation named in its config.</param>
public readonly record struct CheckTail(LogletId Loglet, ulong Incarnation) : IMessage<CheckTail>
{
    public static FrameType Type => FrameType.CheckTail;

    public int Size => 24;

    public void Write(ref MessageWriter writer)
    {
        writer.Loglet(Loglet);
        writer.U64(Incarnation);
    }

    public static bool TryRead(ref MessageReader reader, out CheckTail message)
    {
        var loglet = reader.Loglet();
        var incarnation = reader.U64();
        message = new CheckTail(loglet, incarnation);
        return reader.IsComplete;
    }
}

/// <summary>Ok: every append acknowledged before the request arrived lies below Tail, and the Loglet was open.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Tail">The global tail, when Ok.</param>
public readonly record struct CheckTailReply(StatusCode Status, long Tail) : IMessage<CheckTailReply>
{
    public static FrameType Type => FrameType.CheckTailReply;

    public int Size => 10;

    public void Write(ref MessageWriter writer)
    {
        writer.U16((ushort)Status);
        writer.I64(Tail);
    }

    public static bool TryRead(ref MessageReader reader, out CheckTailReply message)
    {
        var status = (StatusCode)reader.U16();
        var tail = reader.Position();
        message = new CheckTailReply(status, tail);
        return reader.IsComplete;
    }
}
