using System.Buffers;
using Delos.Protocol.Entries;
using Delos.Runtime;

namespace Delos.LocalStorage.Peers;

/// <summary>A snapshot on its way into a directory. What one peer gave before it failed is not asked for again of the next one, as long as both have the same file.</summary>
internal sealed class SnapshotCopy(string directory, SnapshotInfo snapshot)
{
    private readonly string _state = Path.Combine(directory, DirectorySnapshots.State);
    private readonly Dictionary<string, Progress> _files = new(StringComparer.Ordinal);

    /// <summary>Bytes written so far, from all peers.</summary>
    public long Received { get; private set; }

    /// <summary>Copies what is still missing. When it returns, the directory holds the whole snapshot with its manifest, verified and durable, but for the directory's own name.</summary>
    /// <exception cref="InvalidDataException">What the peer has is damaged.</exception>
    /// <exception cref="IOException">The own disk failed. Else as <see cref="SnapshotPeer.ReadAsync"/>.</exception>
    public async ValueTask FromAsync(SnapshotPeer peer, CancellationToken cancellationToken)
    {
        var manifest = await peer.ManifestAsync(snapshot, cancellationToken).ConfigureAwait(false);
        Directory.CreateDirectory(_state);
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
            if (!_files.TryGetValue(file.Name, out var progress)) _files[file.Name] = progress = new Progress(file);
            if (progress.IsDone) return;
            var isAllFromHere = progress.Offset == 0;
            await GoOnAsync(peer, progress, cancellationToken).ConfigureAwait(false);
            if (progress.IsDone) return;
            Forget(file.Name);

            // Else the damage may be in what another peer gave.
            if (isAllFromHere) throw new InvalidDataException($"The file '{file.Name}' is damaged: its checksum is not that of the manifest.");
        }
    }

    private async ValueTask GoOnAsync(SnapshotPeer peer, Progress progress, CancellationToken cancellationToken)
    {
        var (name, crc, size) = progress.File;
        var path = Path.Combine(_state, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var handle = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.Write);
        await peer.ReadAsync(snapshot, name, progress.Offset, size, Take, cancellationToken).ConfigureAwait(false);
        if (Crc32C.Finish(progress.Crc) != crc) return;
        Posix.FSync(handle, path);
        progress.IsDone = true;

        void Take(ReadOnlySequence<byte> chunk)
        {
            foreach (var piece in chunk)
            {
                RandomAccess.Write(handle, piece.Span, progress.Offset);
                progress.Crc = Crc32C.Append(progress.Crc, piece.Span);
                progress.Offset += piece.Length;
                Received += piece.Length;
            }
        }
    }

    private void Forget(string name)
    {
        _files.Remove(name);
        File.Delete(Path.Combine(_state, name));
    }

    private sealed class Progress(SnapshotFile file)
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
