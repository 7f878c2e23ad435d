using Delos.LocalStorage.Rocks;
using Delos.Protocol.Entries;
using Microsoft.Win32.SafeHandles;

namespace Delos.LocalStorage.Peers;

/// <summary>
/// A <see cref="SavedSnapshot"/> in the making. It grows in a directory beside its own, which is kept when it is given up, so that the next attempt finds what is there; and appears under its own name when it is whole.
/// </summary>
internal sealed class SnapshotBackup : IDisposable
{
    private readonly string _target;
    private readonly SafeFileHandle _lock;

    private SnapshotBackup(string target, string directory, SafeFileHandle held)
    {
        _target = target;
        Directory = directory;
        _lock = held;
    }

    /// <summary>Where it grows.</summary>
    public string Directory { get; }

    /// <summary>Makes the directory, or finds what an earlier attempt left.</summary>
    /// <returns>Null: another process is at it.</returns>
    /// <exception cref="IOException">The disk failed.</exception>
    public static SnapshotBackup? TryBegin(string target)
    {
        target = StoreFiles.FullPath(target);
        var directory = target + ".partial";
        StoreFiles.EnsureDirectory(directory);
        var held = Posix.Open(directory, Posix.O_RDONLY | Posix.O_DIRECTORY);
        if (Posix.TryLock(held, directory)) return new SnapshotBackup(target, directory, held);
        held.Dispose();
        return null;
    }

    /// <summary>All of it has been copied: gives it its origin and its name, durably.</summary>
    /// <param name="origin">With whatever checksum of the manifest: it is computed here.</param>
    /// <exception cref="IOException">The disk failed, or something else has the name now.</exception>
    public void Commit(SnapshotOrigin origin)
    {
        (origin with { ManifestCrc = Crc32C.Compute(File.ReadAllBytes(SnapshotManifest.PathIn(Directory))) }).Write(Directory);
        Posix.Rename(Directory, _target);
        Posix.SyncDirectory(Path.GetDirectoryName(_target)!);
    }

    /// <summary>What is there stays.</summary>
    public void Dispose() => _lock.Dispose();
}
