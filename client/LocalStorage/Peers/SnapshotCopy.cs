using System.Buffers;
using Delos.Protocol.Entries;
using Delos.Runtime;

namespace Delos.LocalStorage.Peers;

/// <summary>A snapshot on its way into a directory. What one peer gave before it failed is not asked for again of the next one, as long as both have the same file; nor are files that an earlier copy left there, or their beginnings.</summary>
/// <param name="directory">Where it goes; what does not belong to the snapshot is deleted from its state.</param>
/// <param name="snapshot">Which one.</param>
/// <param name="progress">Told how many bytes are there, and of how many.</param>
internal sealed class SnapshotCopy(string directory, SnapshotInfo snapshot, Action<long, long>? progress = null)
{
    private readonly string _state = Path.Combine(directory, DirectorySnapshots.State);
    private readonly Dictionary<string, Part> _files = new(StringComparer.Ordinal);

    // Bytes that are there, and bytes that there will be.
    private long _there;
    private long _wanted;

    /// <summary>Bytes written so far, from all peers.</summary>
    public long Received { get; private set; }

    /// <summary>Copies what is still missing. When it returns, the directory holds the whole snapshot with its manifest, verified and durable, but for the directory's own name.</summary>
    /// <exception cref="InvalidDataException">What the peer has is damaged.</exception>
    /// <exception cref="IOException">The own disk failed. Else as <see cref="SnapshotPeer.ReadAsync"/>.</exception>
    public async ValueTask FromAsync(SnapshotPeer peer, CancellationToken cancellationToken)
    {
        var manifest = await peer.ManifestAsync(snapshot, cancellationToken).ConfigureAwait(false);
        _wanted = manifest.Bytes;
        Directory.CreateDirectory(_state);
        foreach (var foreign in manifest.Foreign(_state).ToList()) File.Delete(foreign);
        foreach (var (name, known) in _files.ToList())
        {
            if (manifest.Find(name) != known.File) Forget(name);
        }

        foreach (var file in manifest.Files) await CopyAsync(peer, file, cancellationToken).ConfigureAwait(false);
        foreach (var sub in Directory.EnumerateDirectories(_state, "*", SearchOption.AllDirectories)) Posix.SyncDirectory(sub);
        Posix.SyncDirectory(_state);
        manifest.Write(directory);
    }

    private async ValueTask CopyAsync(SnapshotPeer peer, SnapshotFile file, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (!_files.TryGetValue(file.Name, out var part)) _files[file.Name] = part = await FindAsync(file, cancellationToken).ConfigureAwait(false);
            if (part.IsDone) return;
            var isAllFromHere = part.Offset == 0;
            await GoOnAsync(peer, part, cancellationToken).ConfigureAwait(false);
            if (part.IsDone) return;
            Forget(file.Name);

            // Else the damage may be in what another peer gave.
            if (isAllFromHere) throw new InvalidDataException($"The file '{file.Name}' is damaged: its checksum is not that of the manifest.");
        }
    }

    /// <summary>What is there of it already.</summary>
    private async ValueTask<Part> FindAsync(SnapshotFile file, CancellationToken cancellationToken)
    {
        var path = Path.Combine(_state, file.Name);
        if (!File.Exists(path)) return new Part(file);
        if (new FileInfo(path).Length > file.Size)
        {
            File.Delete(path);
            return new Part(file);
        }

        var (crc, size) = await SnapshotManifest.SumAsync(path, null, cancellationToken).ConfigureAwait(false);
        Moved(size);
        return new Part(file) { Offset = size, Crc = crc };
    }

    private async ValueTask GoOnAsync(SnapshotPeer peer, Part part, CancellationToken cancellationToken)
    {
        var (name, crc, size) = part.File;
        var path = Path.Combine(_state, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var handle = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.Write);
        await peer.ReadAsync(snapshot, name, part.Offset, size, Take, cancellationToken).ConfigureAwait(false);
        if (Crc32C.Finish(part.Crc) != crc) return;
        Posix.FSync(handle, path);
        part.IsDone = true;

        void Take(ReadOnlySequence<byte> chunk)
        {
            foreach (var piece in chunk)
            {
                RandomAccess.Write(handle, piece.Span, part.Offset);
                part.Crc = Crc32C.Append(part.Crc, piece.Span);
                part.Offset += piece.Length;
                Received += piece.Length;
            }

            Moved(chunk.Length);
        }
    }

    private void Moved(long bytes)
    {
        _there += bytes;
        progress?.Invoke(_there, _wanted);
    }

    private void Forget(string name)
    {
        if (_files.Remove(name, out var part)) _there -= part.Offset;
        File.Delete(Path.Combine(_state, name));
    }

    private sealed class Part(SnapshotFile file)
    {
        public SnapshotFile File { get; } = file;

        /// <summary>Bytes that are in the file.</summary>
        public long Offset { get; set; }

        /// <summary>Of those, unfinished.</summary>
        public uint Crc { get; set; } = Crc32C.Begin();

        /// <summary>All of it is there, verified and durable.</summary>
        public bool IsDone { get; set; }
    }
}
