using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Protocol.Messages;

/// <summary>Anybody → LogServer: what it knows of a replica. NotFound confirms nothing (rule 2).</summary>
/// <param name="Loglet">Which Loglet.</param>
public readonly record struct Status(LogletId Loglet) : IMessage<Status>
{
    public static FrameType Type => FrameType.Status;

    public int Size => 16;

    public void Write(ref MessageWriter writer)
    {
        writer.Loglet(Loglet);
    }

    public static bool TryRead(ref MessageReader reader, out Status message)
    {
        var loglet = reader.Loglet();
        message = new Status(loglet);
        return reader.IsComplete;
    }
}

/// <summary>The replica's state, observed atomically.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Incarnation">Of its config.</param>
/// <param name="IsSealed">Durably sealed.</param>
/// <param name="DurableTail">First position not durably held.</param>
/// <param name="GlobalTail">Highest global tail it was told.</param>
/// <param name="TrimPoint">First position not trimmed.</param>
/// <param name="HasUnknown">Some positions below the tail are damaged here and wait for repair.</param>
public readonly record struct StatusReply(StatusCode Status, ulong Incarnation, bool IsSealed, long DurableTail, long GlobalTail, long TrimPoint, bool HasUnknown) : IMessage<StatusReply>
{
    public static FrameType Type => FrameType.StatusReply;

    public int Size => 36;

    public void Write(ref MessageWriter writer)
    {
        writer.U16((ushort)Status);
        writer.U64(Incarnation);
        writer.Bool(IsSealed);
        writer.I64(DurableTail);
        writer.I64(GlobalTail);
        writer.I64(TrimPoint);
        writer.Bool(HasUnknown);
    }

    public static bool TryRead(ref MessageReader reader, out StatusReply message)
    {
        var status = (StatusCode)reader.U16();
        var incarnation = reader.U64();
        var isSealed = reader.Bool();
        var durableTail = reader.Position();
        var globalTail = reader.Position();
        var trimPoint = reader.Position();
        var hasUnknown = reader.Bool();
        message = new StatusReply(status, incarnation, isSealed, durableTail, globalTail, trimPoint, hasUnknown);
        return reader.IsComplete;
    }
}
