using System.Buffers.Binary;
using Delos.Protocol.Entries;
using Delos.Runtime;

namespace Delos.LocalStorage;

/// <summary>
/// The file of a <see cref="MemoryStore"/>'s checkpoint: pairs of all spaces in order, each as space (1 byte), length of key and of value (4 bytes each), key, value; at the end the CRC32C of all before (4 bytes). Little-endian.
/// </summary>
internal static class MemoryCheckpoint
{
    public const string FileName = "memory.checkpoint";
    private const int HeaderSize = 9;

    public static void Write(MemoryState state, string directory)
    {
        using var bytes = new MemoryStream();
        var header = new byte[HeaderSize];
        foreach (var space in Enum.GetValues<StoreSpace>())
        {
            foreach (var (key, value) in state[space])
            {
                header[0] = (byte)space;
                BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(1), key.Length);
                BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(5), value.Length);
                bytes.Write(header);
                bytes.Write(key);
                bytes.Write(value);
            }
        }

        var crc = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(crc, Crc32C.Compute(bytes.GetBuffer().AsSpan(0, (int)bytes.Length)));
        bytes.Write(crc);
        if (Directory.Exists(directory)) throw new IOException($"The directory '{directory}' of a checkpoint exists already.");
        Directory.CreateDirectory(directory);
        DurableFile.Write(Path.Combine(directory, FileName), bytes.ToArray());
        Posix.SyncDirectory(Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory)))!);
    }

    /// <exception cref="InvalidDataException">It is not what was written.</exception>
    public static async ValueTask<MemoryState> ReadAsync(string directory, CancellationToken cancellationToken)
    {
        var path = Path.Combine(directory, FileName);
        if (!File.Exists(path)) throw new InvalidDataException($"There is no checkpoint in '{directory}'.");
        var bytes = await File.ReadAllBytesAsync(path, cancellationToken).ConfigureAwait(false);
        if (bytes.Length < 4 || Crc32C.Compute(bytes.AsSpan(..^4)) != BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(^4..))) throw new InvalidDataException($"The checkpoint in '{directory}' is damaged.");
        var state = MemoryState.Empty;
        for (var rest = bytes.AsSpan(..^4); !rest.IsEmpty;)
        {
            var space = (StoreSpace)rest[0];
            var keyLength = BinaryPrimitives.ReadInt32LittleEndian(rest[1..]);
            var valueLength = BinaryPrimitives.ReadInt32LittleEndian(rest[5..]);
            state = state.With(space, rest.Slice(HeaderSize, keyLength), rest.Slice(HeaderSize + keyLength, valueLength));
            rest = rest[(HeaderSize + keyLength + valueLength)..];
        }

        return state;
    }
}
