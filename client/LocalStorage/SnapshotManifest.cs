using System.Buffers;
using System.Globalization;
using System.Text;
using Delos.Protocol.Entries;

namespace Delos.LocalStorage;

/// <summary>
/// The files of a snapshot with their sizes and CRC32C, as text: one line <c>crc size name</c> for each, in the names' order, and a last line with the CRC32C of those before it.
/// </summary>
internal sealed class SnapshotManifest
{
    private const string Name = "manifest";
    private const int BufferSize = 1 << 20;

    private readonly SortedDictionary<string, SnapshotFile> _files = new(StringComparer.Ordinal);

    /// <summary>In the names' order.</summary>
    public IReadOnlyCollection<SnapshotFile> Files => _files.Values;

    /// <summary>Of all files.</summary>
    public long Bytes => _files.Values.Sum(static f => f.Size);

    public static string PathIn(string directory) => Path.Combine(directory, Name);

    /// <summary>Reads all files of a directory.</summary>
    public static async ValueTask<SnapshotManifest> ComputeAsync(string directory, CancellationToken cancellationToken)
    {
        var manifest = new SnapshotManifest();
        foreach (var path in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories))
        {
            var name = Path.GetRelativePath(directory, path);
            var (crc, size) = await SumAsync(path, null, cancellationToken).ConfigureAwait(false);
            manifest._files[name] = new SnapshotFile(name, Crc32C.Finish(crc), size);
        }

        return manifest;
    }

    /// <summary>Null: there is none, or it is damaged.</summary>
    public static SnapshotManifest? TryRead(string directory)
    {
        try
        {
            return TryParse(File.ReadAllText(PathIn(directory)));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Null: it makes no sense, or is damaged, or names a file outside of its directory.</summary>
    public static SnapshotManifest? TryParse(string text)
    {
        var lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (lines.Length == 0 || lines[^1] != Checksum(lines[..^1])) return null;
        var manifest = new SnapshotManifest();
        foreach (var line in lines[..^1])
        {
            if (line.Split(' ', 3) is not [var crc, var size, var name] || !SnapshotFile.IsSafe(name)) return null;
            if (!uint.TryParse(crc, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var sum) || !long.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var length)) return null;
            manifest._files[name] = new SnapshotFile(name, sum, length);
        }

        return manifest;
    }

    /// <summary>Null: the snapshot has no file of that name.</summary>
    public SnapshotFile? Find(string name) => _files.TryGetValue(name, out var file) ? file : null;

    /// <summary>Writes it durably.</summary>
    public void Write(string directory)
    {
        string[] lines = [.. _files.Values.Select(static f => string.Create(CultureInfo.InvariantCulture, $"{f.Crc:x8} {f.Size} {f.Name}"))];
        DurableFile.Write(PathIn(directory), Encoding.UTF8.GetBytes(string.Concat(lines.Append(Checksum(lines)).Select(static l => l + "\n"))));
    }

    /// <exception cref="InvalidDataException">A file is missing, or not what it was; the message names it.</exception>
    public async ValueTask VerifyAsync(string directory, CancellationToken cancellationToken)
    {
        foreach (var expected in _files.Values)
        {
            if (await ProblemOfAsync(expected, directory, null, cancellationToken).ConfigureAwait(false) is { } problem) throw new InvalidDataException(problem);
        }
    }

    /// <summary>Reads a file and holds it against what it was.</summary>
    /// <param name="expected">What it was.</param>
    /// <param name="directory">Where it is, under its name.</param>
    /// <param name="read">Told the bytes of each read.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>What is wrong with it, with its path; null: it is what it was.</returns>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static async ValueTask<string?> ProblemOfAsync(SnapshotFile expected, string directory, Action<int>? read, CancellationToken cancellationToken)
    {
        var path = Path.Combine(directory, expected.Name);
        if (!File.Exists(path)) return $"{path} is missing.";
        if (new FileInfo(path).Length is var length && length != expected.Size) return $"{path} is damaged: it has {length} bytes, not the {expected.Size} of the manifest.";
        return await SumAsync(path, read, cancellationToken).ConfigureAwait(false) is var (crc, size) && (Crc32C.Finish(crc), size) == (expected.Crc, expected.Size)
            ? null
            : $"{path} is damaged: its checksum is not that of the manifest.";
    }

    /// <summary>The paths of what lies in the directory and is not named here.</summary>
    public IEnumerable<string> Foreign(string directory) => Directory.Exists(directory)
        ? Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories).Where(path => !_files.ContainsKey(Path.GetRelativePath(directory, path)))
        : [];

    /// <summary>Reads a file.</summary>
    /// <returns>Its CRC32C, unfinished, so that it can be gone on with, and its size.</returns>
    public static async ValueTask<(uint Crc, long Size)> SumAsync(string path, Action<int>? read, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            using var file = File.OpenHandle(path, options: FileOptions.SequentialScan);
            var crc = Crc32C.Begin();
            var size = 0L;
            while (await RandomAccess.ReadAsync(file, buffer, size, cancellationToken).ConfigureAwait(false) is var bytes and > 0)
            {
                crc = Crc32C.Append(crc, buffer.AsSpan(0, bytes));
                size += bytes;
                read?.Invoke(bytes);
            }

            return (crc, size);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static string Checksum(string[] lines) => Crc32C.Compute(Encoding.UTF8.GetBytes(string.Join('\n', lines))).ToString("x8", CultureInfo.InvariantCulture);
}
