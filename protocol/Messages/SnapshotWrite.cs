using Delos.Protocol.Framing;

namespace Delos.Protocol.Messages;

/// <summary>Operator → node that keeps snapshots: have one that holds everything below a position, and write it if there is none yet. Answered by <see cref="SnapshotWritten"/> when it is there.</summary>
/// <param name="Log">The log's name.</param>
/// <param name="AtLeast">The snapshot's cursor is this one or a later one.</param>
public readonly record struct SnapshotWrite(string Log, long AtLeast) : IMessage<SnapshotWrite>
{
    public static FrameType Type => FrameType.SnapshotWrite;

    public int Size => MessageWriter.SizeOf(Log) + 8;

    public void Write(ref MessageWriter writer)
    {
        writer.Text(Log);
        writer.I64(AtLeast);
    }

    public static bool TryRead(ref MessageReader reader, out SnapshotWrite message)
    {
        message = new SnapshotWrite(reader.Text(), reader.Position());
        return reader.IsComplete;
    }
}

/// <summary>The node has such a snapshot.</summary>
/// <param name="Cursor">Everything below is in it, and nothing else.</param>
/// <param name="Replica">Who wrote it.</param>
public readonly record struct SnapshotWritten(long Cursor, ulong Replica) : IMessage<SnapshotWritten>
{
    public static FrameType Type => FrameType.SnapshotWritten;

    public int Size => 16;

    public void Write(ref MessageWriter writer)
    {
        writer.I64(Cursor);
        writer.U64(Replica);
    }

    public static bool TryRead(ref MessageReader reader, out SnapshotWritten message)
    {
        message = new SnapshotWritten(reader.Position(), reader.U64());
        return reader.IsComplete;
    }
}
