using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Protocol.Messages;

/// <summary>Client → LogServer: entries below Position are not needed any more (rule 7).</summary>
/// <param name="Loglet">Which Loglet.</param>
/// <param name="Position">First position to keep.</param>
/// <param name="Bound">A global tail that the sender knows by checkTail, or the stop of an installed chain.</param>
public readonly record struct Trim(LogletId Loglet, long Position, long Bound) : IMessage<Trim>
{
    public static FrameType Type => FrameType.Trim;

    public int Size => 32;

    public void Write(ref MessageWriter writer)
    {
        writer.Loglet(Loglet);
        writer.I64(Position);
        writer.I64(Bound);
    }

    public static bool TryRead(ref MessageReader reader, out Trim message)
    {
        var loglet = reader.Loglet();
        var position = reader.Position();
        var bound = reader.Position();
        message = new Trim(loglet, position, bound);
        return reader.IsComplete;
    }
}

/// <summary>The point achieved: never above the known global tail.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="TrimPoint">First position not trimmed.</param>
public readonly record struct TrimReply(StatusCode Status, long TrimPoint) : IMessage<TrimReply>
{
    public static FrameType Type => FrameType.TrimReply;

    public int Size => 10;

    public void Write(ref MessageWriter writer)
    {
        writer.U16((ushort)Status);
        writer.I64(TrimPoint);
    }

    public static bool TryRead(ref MessageReader reader, out TrimReply message)
    {
        var status = (StatusCode)reader.U16();
        var trimPoint = reader.Position();
        message = new TrimReply(status, trimPoint);
        return reader.IsComplete;
    }
}
