using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Protocol.Messages;

/// <summary>
/// Client → sequencer of a stripe: answer when everything below <see cref="UpTo"/> is committed, and put gap records where there is nothing yet (DESIGN §3, StripedLoglet: an idle stripe must not hold up the others).
/// Idempotent. Answered by a <see cref="CheckTailReply"/> whose tail, when Ok, is at least <see cref="UpTo"/>; that tail is not linearizable.
/// </summary>
/// <param name="Loglet">The stripe.</param>
/// <param name="Incarnation">The sequencer incarnation named in its config.</param>
/// <param name="UpTo">First position that need not be filled; at most <see cref="MaxGap"/> beyond the next position.</param>
public readonly record struct Fill(LogletId Loglet, ulong Incarnation, long UpTo) : IMessage<Fill>
{
    /// <summary>Bounds what one request makes a sequencer store.</summary>
    public const int MaxGap = 1 << 16;

    public static FrameType Type => FrameType.Fill;

    public int Size => 32;

    public void Write(ref MessageWriter writer)
    {
        writer.Loglet(Loglet);
        writer.U64(Incarnation);
        writer.I64(UpTo);
    }

    public static bool TryRead(ref MessageReader reader, out Fill message)
    {
        var loglet = reader.Loglet();
        var incarnation = reader.U64();
        var upTo = reader.I64();
        message = new Fill(loglet, incarnation, upTo);
        return reader.IsComplete && upTo >= 0;
    }
}
