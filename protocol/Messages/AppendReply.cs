using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Protocol.Messages;

/// <summary>Sequencer → client: what became of the appends with sequences [FirstSequence, FirstSequence + Count). Ok: durable on a majority at positions [FirstPosition, …), in order. Sealed, Unavailable: not known; those positions had been assigned (-1: none). DiskFull, LimitExceeded: this Loglet never holds those append ids; a new attempt is a new sequence.</summary>
/// <param name="Loglet">Which Loglet.</param>
/// <param name="ClientId">Whose appends.</param>
/// <param name="Status">How it ended.</param>
/// <param name="FirstSequence">The first one.</param>
/// <param name="Count">How many, at least 1.</param>
/// <param name="FirstPosition">Position in the Loglet of the first; -1 if none was assigned.</param>
/// <param name="GlobalTail">The sequencer's global tail.</param>
public readonly record struct AppendReply(LogletId Loglet, ulong ClientId, StatusCode Status, ulong FirstSequence, uint Count, long FirstPosition, long GlobalTail) : IMessage<AppendReply>
{
    public static FrameType Type => FrameType.AppendReply;

    public int Size => 54;

    public void Write(ref MessageWriter writer)
    {
        writer.Loglet(Loglet);
        writer.U64(ClientId);
        writer.U16((ushort)Status);
        writer.U64(FirstSequence);
        writer.U32(Count);
        writer.I64(FirstPosition);
        writer.I64(GlobalTail);
    }

    public static bool TryRead(ref MessageReader reader, out AppendReply message)
    {
        var loglet = reader.Loglet();
        var clientId = reader.U64();
        var status = (StatusCode)reader.U16();
        var firstSequence = reader.U64();
        var count = reader.U32();
        var firstPosition = reader.I64();
        var globalTail = reader.Position();
        message = new AppendReply(loglet, clientId, status, firstSequence, count, firstPosition, globalTail);
        return reader.IsComplete;
    }
}
