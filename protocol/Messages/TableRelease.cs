using Delos.Protocol.Framing;

namespace Delos.Protocol.Messages;

/// <summary>Client → table node: one hold less on the view of that snapshot. Not answered; nothing happens if there is none.</summary>
/// <param name="Position">Log position of the snapshot's last command; -1: the state before the first.</param>
/// <param name="Index">Of that command in its entry.</param>
/// <param name="Time">Its log time, in microseconds since 1970-01-01 00:00 UTC.</param>
public readonly record struct TableRelease(long Position, uint Index, long Time) : IMessage<TableRelease>
{
    public static FrameType Type => FrameType.TableRelease;

    public int Size => 20;

    public void Write(ref MessageWriter writer)
    {
        writer.I64(Position);
        writer.U32(Index);
        writer.I64(Time);
    }

    public static bool TryRead(ref MessageReader reader, out TableRelease message)
    {
        var position = reader.I64();
        var index = reader.U32();
        var time = reader.I64();
        message = new TableRelease(position, index, time);
        return reader.IsComplete;
    }
}
