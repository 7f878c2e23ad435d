using Delos.Protocol.Framing;

namespace Delos.Protocol.Messages;

/// <summary>Client → table node: begin a session, for commands that are applied once. One that is not used for long is forgotten.</summary>
public readonly record struct TableOpenSession() : IMessage<TableOpenSession>
{
    public static FrameType Type => FrameType.TableOpenSession;

    public int Size => 0;

    public void Write(ref MessageWriter writer)
    {
    }

    public static bool TryRead(ref MessageReader reader, out TableOpenSession message)
    {
        message = new TableOpenSession();
        return reader.IsComplete;
    }
}

/// <summary>The session is open; or Error (Unavailable, LimitExceeded): the client simply asks for another one, perhaps elsewhere.</summary>
/// <param name="Session">Its id, never 0 and never used twice.</param>
public readonly record struct TableOpenSessionReply(ulong Session) : IMessage<TableOpenSessionReply>
{
    public static FrameType Type => FrameType.TableOpenSessionReply;

    public int Size => 8;

    public void Write(ref MessageWriter writer)
    {
        writer.U64(Session);
    }

    public static bool TryRead(ref MessageReader reader, out TableOpenSessionReply message)
    {
        message = new TableOpenSessionReply(reader.U64());
        return reader.IsComplete;
    }
}
