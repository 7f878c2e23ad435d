using Delos.Protocol.Framing;

namespace Delos.Protocol.Messages;

/// <summary>Replica → node that keeps snapshots: bytes of one file of a snapshot. Answered by <see cref="SnapshotBytes"/>.</summary>
/// <param name="Log">The log's name.</param>
/// <param name="Cursor">The snapshot's cursor.</param>
/// <param name="Replica">Who wrote it.</param>
/// <param name="File">One of the manifest's names; empty: the manifest.</param>
/// <param name="Offset">First byte wanted.</param>
/// <param name="Length">Bytes wanted, at least 1; fewer may come, but at least one if there is one.</param>
public readonly record struct SnapshotRead(string Log, long Cursor, ulong Replica, string File, long Offset, uint Length) : IMessage<SnapshotRead>
{
    public static FrameType Type => FrameType.SnapshotRead;

    public int Size => MessageWriter.SizeOf(Log) + MessageWriter.SizeOf(File) + 28;

    public void Write(ref MessageWriter writer)
    {
        writer.Text(Log);
        writer.I64(Cursor);
        writer.U64(Replica);
        writer.Text(File);
        writer.I64(Offset);
        writer.U32(Length);
    }

    public static bool TryRead(ref MessageReader reader, out SnapshotRead message)
    {
        var log = reader.Text();
        var cursor = reader.Position();
        var replica = reader.U64();
        var file = reader.Text();
        var offset = reader.Position();
        var length = reader.U32();
        message = new SnapshotRead(log, cursor, replica, file, offset, length);
        return reader.IsComplete;
    }
}

/// <summary>The bytes asked for, as payload, from the offset on. The file as a whole is checked by the manifest.</summary>
/// <param name="FileSize">Bytes of the whole file.</param>
/// <param name="Checksum">CRC-32C of the payload.</param>
public readonly record struct SnapshotBytes(long FileSize, uint Checksum) : IMessage<SnapshotBytes>
{
    public static FrameType Type => FrameType.SnapshotBytes;

    public int Size => 12;

    public void Write(ref MessageWriter writer)
    {
        writer.I64(FileSize);
        writer.U32(Checksum);
    }

    public static bool TryRead(ref MessageReader reader, out SnapshotBytes message)
    {
        var fileSize = reader.Position();
        var checksum = reader.U32();
        message = new SnapshotBytes(fileSize, checksum);
        return reader.IsComplete;
    }
}
