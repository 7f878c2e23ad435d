using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Protocol.Messages;

/// <summary>Client → LogServer: push entries from Min on, as the global tail passes them (or up to Stop of an installed chain), until Max. Pushes are <see cref="Entries"/> frames with this request's correlation id and FrameFlags.Reply not set; the first one, possibly empty, comes at once.</summary>
/// <param name="Loglet">Which Loglet.</param>
/// <param name="Min">First position wanted.</param>
/// <param name="Max">First position not wanted; long.MaxValue: no end.</param>
/// <param name="Stop">Stop of the segment in an installed chain, as a Loglet position; -1: not known.</param>
/// <param name="CreditBytes">Payload bytes that may be pushed before a <see cref="Credit"/>.</param>
public readonly record struct Subscribe(LogletId Loglet, long Min, long Max, long Stop, uint CreditBytes) : IMessage<Subscribe>
{
    public static FrameType Type => FrameType.Subscribe;

    public int Size => 44;

    public void Write(ref MessageWriter writer)
    {
        writer.Loglet(Loglet);
        writer.I64(Min);
        writer.I64(Max);
        writer.I64(Stop);
        writer.U32(CreditBytes);
    }

    public static bool TryRead(ref MessageReader reader, out Subscribe message)
    {
        var loglet = reader.Loglet();
        var min = reader.Position();
        var max = reader.Position();
        var stop = reader.I64();
        var creditBytes = reader.U32();
        message = new Subscribe(loglet, min, max, stop, creditBytes);
        return reader.IsComplete;
    }
}

/// <summary>LogServer → client: entries of a subscription. Any status but Ok ends it (Sealed: no more will come before the chain has a stop; Lagging, Trimmed, Corrupt, Deleted: go elsewhere).</summary>
/// <param name="Status">How it ended.</param>
/// <param name="First">Position of the first entry.</param>
/// <param name="Count">Entries in the payload; 0 only announces the global tail or an end.</param>
/// <param name="GlobalTail">Highest global tail the replica was told.</param>
public readonly record struct Entries(StatusCode Status, long First, uint Count, long GlobalTail) : IMessage<Entries>
{
    public static FrameType Type => FrameType.Entries;

    public int Size => 22;

    public void Write(ref MessageWriter writer)
    {
        writer.U16((ushort)Status);
        writer.I64(First);
        writer.U32(Count);
        writer.I64(GlobalTail);
    }

    public static bool TryRead(ref MessageReader reader, out Entries message)
    {
        var status = (StatusCode)reader.U16();
        var first = reader.Position();
        var count = reader.U32();
        var globalTail = reader.Position();
        message = new Entries(status, first, count, globalTail);
        return reader.IsComplete;
    }
}

/// <summary>Client → LogServer: more bytes may be pushed; correlation id of the subscription.</summary>
/// <param name="Bytes">Added to the credit.</param>
public readonly record struct Credit(uint Bytes) : IMessage<Credit>
{
    public static FrameType Type => FrameType.Credit;

    public int Size => 4;

    public void Write(ref MessageWriter writer)
    {
        writer.U32(Bytes);
    }

    public static bool TryRead(ref MessageReader reader, out Credit message)
    {
        var bytes = reader.U32();
        message = new Credit(bytes);
        return reader.IsComplete;
    }
}

/// <summary>Client → LogServer: end the subscription with this correlation id. Not answered.</summary>
public readonly record struct Unsubscribe() : IMessage<Unsubscribe>
{
    public static FrameType Type => FrameType.Unsubscribe;

    public int Size => 0;

    public void Write(ref MessageWriter writer)
    {
    }

    public static bool TryRead(ref MessageReader reader, out Unsubscribe message)
    {
        message = new Unsubscribe();
        return reader.IsComplete;
    }
}
