using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Protocol.Messages;

/// <summary>Sequencer → LogServer, when no store is about to carry it: the global tail (trap 19).</summary>
/// <param name="Loglet">Which Loglet.</param>
/// <param name="Incarnation">The sequencer incarnation named in its config.</param>
/// <param name="Tail">The global tail.</param>
public readonly record struct GlobalTail(LogletId Loglet, ulong Incarnation, long Tail) : IMessage<GlobalTail>
{
    public static FrameType Type => FrameType.GlobalTail;

    public int Size => 32;

    public void Write(ref MessageWriter writer)
    {
        writer.Loglet(Loglet);
        writer.U64(Incarnation);
        writer.I64(Tail);
    }

    public static bool TryRead(ref MessageReader reader, out GlobalTail message)
    {
        var loglet = reader.Loglet();
        var incarnation = reader.U64();
        var tail = reader.Position();
        message = new GlobalTail(loglet, incarnation, tail);
        return reader.IsComplete;
    }
}
