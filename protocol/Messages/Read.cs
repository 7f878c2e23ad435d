using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Protocol.Messages;

/// <summary>Client → LogServer: entries from Min, below Max and below Bound (rule 4).</summary>
/// <param name="Loglet">Which Loglet.</param>
/// <param name="Min">First position wanted.</param>
/// <param name="Max">First position not wanted.</param>
/// <param name="Bound">A tail that was acknowledged or reported open, or the stop of an installed chain: the replica must hold all below min(Max, Bound), or at least from Min on, to say Ok.</param>
/// <param name="MaxBytes">Soft limit of the payload; at least one entry comes.</param>
/// <param name="ForRepair">Sealed replica only: anything it durably holds may be read, to copy it to a laggard.</param>
public readonly record struct Read(LogletId Loglet, long Min, long Max, long Bound, uint MaxBytes, bool ForRepair) : IMessage<Read>
{
    public static FrameType Type => FrameType.Read;

    public int Size => 45;

    public void Write(ref MessageWriter writer)
    {
        writer.Loglet(Loglet);
        writer.I64(Min);
        writer.I64(Max);
        writer.I64(Bound);
        writer.U32(MaxBytes);
        writer.Bool(ForRepair);
    }

    public static bool TryRead(ref MessageReader reader, out Read message)
    {
        var loglet = reader.Loglet();
        var min = reader.Position();
        var max = reader.Position();
        var bound = reader.Position();
        var maxBytes = reader.U32();
        var forRepair = reader.Bool();
        message = new Read(loglet, min, max, bound, maxBytes, forRepair);
        return reader.IsComplete;
    }
}

/// <summary>Ok: the payload holds Count entries, contiguous from First; Count 0: nothing in [Min, min(Max, Bound)).</summary>
/// <param name="Status">How it ended.</param>
/// <param name="First">Position of the first entry.</param>
/// <param name="Count">Entries in the payload.</param>
/// <param name="GlobalTail">Highest global tail the replica was told.</param>
/// <param name="TrimPoint">First position not trimmed.</param>
public readonly record struct ReadReply(StatusCode Status, long First, uint Count, long GlobalTail, long TrimPoint) : IMessage<ReadReply>
{
    public static FrameType Type => FrameType.ReadReply;

    public int Size => 30;

    public void Write(ref MessageWriter writer)
    {
        writer.U16((ushort)Status);
        writer.I64(First);
        writer.U32(Count);
        writer.I64(GlobalTail);
        writer.I64(TrimPoint);
    }

    public static bool TryRead(ref MessageReader reader, out ReadReply message)
    {
        var status = (StatusCode)reader.U16();
        var first = reader.Position();
        var count = reader.U32();
        var globalTail = reader.Position();
        var trimPoint = reader.Position();
        message = new ReadReply(status, first, count, globalTail, trimPoint);
        return reader.IsComplete;
    }
}
