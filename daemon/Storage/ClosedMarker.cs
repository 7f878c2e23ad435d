using System.Buffers.Binary;
using Delos.LocalStorage;
using Delos.Protocol.Entries;
using Delos.Protocol.Identity;

namespace Delos.Daemon.Storage;

/// <summary>
/// The file <c>closed</c> of a generation that will never be written again: states its tail and each Loglet's end, so that no later damage to the last records can pass for a torn write.
/// <code>
/// 0 u32 CRC32C of the rest | 4 u32 version 1 | 8 u64 nonce | 16 i64 tail | 24 u32 n | n × (16 B Loglet id, i64 end)
/// </code>
/// </summary>
internal static class ClosedMarker
{
    private const int HeaderSize = 28;

    public static void Write(string directory, ulong nonce, long tail, IReadOnlyList<LogletEnd> ends, DiskOperations disk)
    {
        var bytes = new byte[HeaderSize + LogletEnd.Encode(ends, []).Length];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), 1);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), nonce);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), tail);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(24), ends.Count);
        LogletEnd.Encode(ends, bytes.AsSpan(HeaderSize));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Crc32C.Compute(bytes.AsSpan(4)));
        var path = Path.Combine(directory, GenerationName.ClosedMarker);
        using (var file = Posix.Open(path + ".tmp", Posix.O_WRONLY | Posix.O_CREAT))
        {
            disk.Write(file, bytes, 0, path);
            Posix.Truncate(file, bytes.Length, path);
            disk.DataSync(file, path);
        }

        Posix.Rename(path + ".tmp", path);
        Posix.SyncDirectory(directory);
    }

    /// <summary>False: there is none, or it is damaged; then the records must prove the tail.</summary>
    public static bool TryRead(string directory, ulong nonce, out long tail, out List<LogletEnd> ends)
    {
        tail = 0;
        ends = [];
        var path = Path.Combine(directory, GenerationName.ClosedMarker);
        if (!File.Exists(path)) return false;
        var bytes = File.ReadAllBytes(path);
        if (bytes.Length < HeaderSize || Crc32C.Compute(bytes.AsSpan(4)) != BinaryPrimitives.ReadUInt32LittleEndian(bytes)) return false;
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(4)) != 1 || BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(8)) != nonce) return false;
        tail = BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(16));
        ends = LogletEnd.Decode(bytes.AsSpan(HeaderSize));
        return LogAddress.IsTail(tail) && BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(24)) == ends.Count && bytes.Length == HeaderSize + (ends.Count * LogletEnd.Size) && ends.TrueForAll(e => e.End >= 0);
    }
}

/// <summary>The position after the last one that a log holds of a Loglet.</summary>
internal readonly record struct LogletEnd(LogletId Loglet, long End)
{
    public const int Size = LogletId.Size + 8;

    /// <summary>Encodes into <paramref name="destination"/>, or into a new array when that is empty; returns the bytes.</summary>
    public static Span<byte> Encode(IReadOnlyList<LogletEnd> ends, Span<byte> destination)
    {
        if (destination.IsEmpty) destination = new byte[ends.Count * Size];
        for (var i = 0; i < ends.Count; i++)
        {
            ends[i].Loglet.Write(destination.Slice(i * Size, LogletId.Size));
            BinaryPrimitives.WriteInt64LittleEndian(destination[(i * Size + LogletId.Size)..], ends[i].End);
        }

        return destination;
    }

    public static List<LogletEnd> Decode(ReadOnlySpan<byte> bytes)
    {
        var ends = new List<LogletEnd>();
        for (; bytes.Length >= Size; bytes = bytes[Size..])
        {
            ends.Add(new LogletEnd(LogletId.Read(bytes), BinaryPrimitives.ReadInt64LittleEndian(bytes[LogletId.Size..])));
        }

        return ends;
    }
}
