using Delos.Protocol.Framing;

namespace Delos.Protocol.Messages;

/// <summary>Replica → node that keeps snapshots of that log's state: which ones it has written. Answered by <see cref="SnapshotBytes"/>: for each 8 bytes cursor and 8 bytes replica, newest first.</summary>
/// <param name="Log">The log's name.</param>
public readonly record struct SnapshotList(string Log) : IMessage<SnapshotList>
{
    /// <summary>Bytes of one snapshot in the answer.</summary>
    public const int ItemSize = 16;

    public static FrameType Type => FrameType.SnapshotList;

    public int Size => MessageWriter.SizeOf(Log);

    public void Write(ref MessageWriter writer)
    {
        writer.Text(Log);
    }

    public static bool TryRead(ref MessageReader reader, out SnapshotList message)
    {
        message = new SnapshotList(reader.Text());
        return reader.IsComplete;
    }
}
