using Delos.Protocol.Framing;

namespace Delos.Protocol.Messages;

/// <summary>Client → table node: put a command into the log, and answer when it is applied. With a session it is applied once, however often and through whatever nodes it is proposed with the same sequence.</summary>
/// <param name="Session">The session's id; 0: none.</param>
/// <param name="Sequence">Which of the session's commands it is, from 1; 0 without a session.</param>
/// <param name="Floor">The lowest sequence whose answer the client still waits for; answers below are forgotten. 0 without a session.</param>
/// <param name="Command">See docs/tables.md.</param>
public readonly record struct TablePropose(ulong Session, ulong Sequence, ulong Floor, ReadOnlyMemory<byte> Command) : IMessage<TablePropose>
{
    /// <summary>Most commands of a session from the lowest unanswered one to the highest.</summary>
    public const int Window = 1024;

    public static FrameType Type => FrameType.TablePropose;

    public int Size => 24 + MessageWriter.SizeOf(Command);

    /// <summary>Whether the three numbers fit each other.</summary>
    public bool IsSound => Session == 0 ? Sequence == 0 && Floor == 0 : Floor > 0 && Floor <= Sequence;

    public void Write(ref MessageWriter writer)
    {
        writer.U64(Session);
        writer.U64(Sequence);
        writer.U64(Floor);
        writer.Bytes(Command.Span);
    }

    public static bool TryRead(ref MessageReader reader, out TablePropose message)
    {
        var session = reader.U64();
        var sequence = reader.U64();
        var floor = reader.U64();
        var command = reader.Bytes();
        message = new TablePropose(session, sequence, floor, command);
        return reader.IsComplete;
    }
}

/// <summary>What became of one attempt to have a command applied. On the wire: values never change.</summary>
public enum ProposeOutcome : byte
{
    /// <summary>It is applied, now or in an earlier attempt; the reply is the tables' answer.</summary>
    Applied = 0,

    /// <summary>This attempt was not applied and never will be. Says nothing of other attempts.</summary>
    NotApplied = 1,

    /// <summary>This attempt may be applied, also later.</summary>
    Unknown = 2,

    /// <summary>The log says: the session is not known any more. This attempt was not applied; whether an earlier one was is not known.</summary>
    SessionExpired = 3,

    /// <summary>The log says: an earlier attempt was answered, and the client had said that it needs the answer no more.</summary>
    AlreadyAnswered = 4,

    /// <summary>The log says: the session has too many unanswered commands; this attempt was not applied.</summary>
    TooManyUnanswered = 5,
}

/// <summary>What became of the proposal. A node that does not take any answers with an Error (NotServed, Unavailable): then nothing was proposed.</summary>
/// <param name="Outcome">See there.</param>
/// <param name="Code">Why, unless it is applied: Unavailable (try another node), LimitExceeded (too large, or too much at a time), …</param>
/// <param name="Next">When applied: the first log position behind the command; a read After it sees the effects. Else 0.</param>
/// <param name="Text">The reason for people; empty when applied.</param>
/// <param name="Reply">The tables' answer, see docs/tables.md; may be there also when not applied, if the node refuses what every node would. Else empty.</param>
public readonly record struct TableProposeReply(ProposeOutcome Outcome, StatusCode Code, long Next, string Text, ReadOnlyMemory<byte> Reply) : IMessage<TableProposeReply>
{
    public static FrameType Type => FrameType.TableProposeReply;

    public int Size => 11 + MessageWriter.SizeOf(Text) + MessageWriter.SizeOf(Reply);

    public void Write(ref MessageWriter writer)
    {
        writer.U8((byte)Outcome);
        writer.U16((ushort)Code);
        writer.I64(Next);
        writer.Text(Text);
        writer.Bytes(Reply.Span);
    }

    public static bool TryRead(ref MessageReader reader, out TableProposeReply message)
    {
        var outcome = (ProposeOutcome)reader.U8();
        if (outcome > ProposeOutcome.TooManyUnanswered) reader.Fail();
        var code = (StatusCode)reader.U16();
        var next = reader.Position();
        var text = reader.Text();
        var reply = reader.Bytes();
        message = new TableProposeReply(outcome, code, next, text, reply);
        return reader.IsComplete;
    }
}
