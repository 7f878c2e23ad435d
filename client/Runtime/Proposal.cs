using Delos.Protocol.Messages;

namespace Delos.Runtime;

/// <summary>One proposal as it stands in an entry.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Session">The session that it belongs to; 0: none.</param>
/// <param name="Sequence">Which of the session's commands it is, from 1.</param>
/// <param name="Floor">The lowest sequence of the session whose answer its owner still waits for: answers below are forgotten.</param>
/// <param name="Payload">The command, or one of the runtime's own.</param>
internal readonly record struct Proposal(ProposalKind Kind, ulong Session, ulong Sequence, ulong Floor, ReadOnlyMemory<byte> Payload)
{
    private const int FixedSize = 1 + 1 + 4;
    private const int SessionSize = 24;

    /// <summary>Bytes that a proposal of a session takes besides its payload.</summary>
    public const int Overhead = FixedSize + SessionSize;

    public bool HasSession => Session != 0;

    /// <summary>Bytes in an entry.</summary>
    public int Size => FixedSize + (HasSession ? SessionSize : 0) + Payload.Length;

    public void Write(ref MessageWriter writer)
    {
        writer.U8((byte)Kind);
        writer.Bool(HasSession);
        if (HasSession)
        {
            writer.U64(Session);
            writer.U64(Sequence);
            writer.U64(Floor);
        }

        writer.Bytes(Payload.Span);
    }

    /// <param name="reader">At the proposal, in the entry.</param>
    /// <param name="entry">The whole: the payload is a part of it.</param>
    public static Proposal Read(ref MessageReader reader, ReadOnlyMemory<byte> entry)
    {
        var kind = (ProposalKind)reader.U8();
        var hasSession = reader.Bool();
        var session = hasSession ? reader.U64() : 0;
        var sequence = hasSession ? reader.U64() : 0;
        var floor = hasSession ? reader.U64() : 0;
        if (hasSession && (session == 0 || sequence == 0 || floor == 0 || floor > sequence)) reader.Fail();
        if (kind == 0) reader.Fail();
        var length = reader.BytesInPlace().Length;
        return new Proposal(kind, session, sequence, floor, entry.Slice(entry.Length - reader.Remaining - length, length));
    }
}
