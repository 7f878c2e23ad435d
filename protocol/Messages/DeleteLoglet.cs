using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Protocol.Messages;

/// <summary>Reconfigurer → LogServer: the Loglet left every installed chain for good, or lost; a tombstone stays (rule 2).</summary>
/// <param name="Loglet">Which Loglet.</param>
public readonly record struct DeleteLoglet(LogletId Loglet) : IMessage<DeleteLoglet>
{
    public static FrameType Type => FrameType.DeleteLoglet;

    public int Size => 16;

    public void Write(ref MessageWriter writer)
    {
        writer.Loglet(Loglet);
    }

    public static bool TryRead(ref MessageReader reader, out DeleteLoglet message)
    {
        var loglet = reader.Loglet();
        message = new DeleteLoglet(loglet);
        return reader.IsComplete;
    }
}

/// <summary>Ok, once the tombstone is durable.</summary>
/// <param name="Status">How it ended.</param>
public readonly record struct DeleteLogletReply(StatusCode Status) : IMessage<DeleteLogletReply>
{
    public static FrameType Type => FrameType.DeleteLogletReply;

    public int Size => 2;

    public void Write(ref MessageWriter writer)
    {
        writer.U16((ushort)Status);
    }

    public static bool TryRead(ref MessageReader reader, out DeleteLogletReply message)
    {
        var status = (StatusCode)reader.U16();
        message = new DeleteLogletReply(status);
        return reader.IsComplete;
    }
}
