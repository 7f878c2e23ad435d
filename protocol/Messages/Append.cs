using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Protocol.Messages;

/// <summary>Client → sequencer: the payload is <paramref name="Count"/> entries of one client, in its order, less than 65,536 above its floor. The answers are <see cref="AppendReply"/> frames, matched by Loglet, client and sequence.</summary>
/// <param name="Loglet">Which Loglet.</param>
/// <param name="Incarnation">The sequencer incarnation named in its config.</param>
/// <param name="ClientId">The client id in every entry.</param>
/// <param name="Floor">The client's lowest unresolved sequence: below it nothing is ever resent.</param>
/// <param name="Count">Entries in the payload, at least 1.</param>
public readonly record struct Append(LogletId Loglet, ulong Incarnation, ulong ClientId, ulong Floor, uint Count) : IMessage<Append>
{
    /// <summary>How far above its floor, exclusive, a client's sequences may be: as many every sequencer remembers. Further up it is told Unavailable.</summary>
    public const int MaxWindow = 65_536;

    public static FrameType Type => FrameType.Append;

    public int Size => 44;

    public void Write(ref MessageWriter writer)
    {
        writer.Loglet(Loglet);
        writer.U64(Incarnation);
        writer.U64(ClientId);
        writer.U64(Floor);
        writer.U32(Count);
    }

    public static bool TryRead(ref MessageReader reader, out Append message)
    {
        var loglet = reader.Loglet();
        var incarnation = reader.U64();
        var clientId = reader.U64();
        var floor = reader.U64();
        var count = reader.U32();
        message = new Append(loglet, incarnation, clientId, floor, count);
        return reader.IsComplete;
    }
}
