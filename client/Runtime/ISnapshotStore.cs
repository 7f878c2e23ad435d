namespace Delos.Runtime;

/// <summary>
/// Where replicas put snapshots, and find those of others: one place for all replicas of a log, such as a shared directory or an object store. The log is trimmed up to what any of them keeps there. What is listed was written whole and has been read back. Thread-safe.
/// </summary>
public interface ISnapshotStore
{
    /// <summary>The snapshots there are, newest first; damaged ones are left out.</summary>
    ValueTask<IReadOnlyList<SnapshotInfo>> ListAsync(CancellationToken cancellationToken);

    /// <summary>Has <paramref name="write"/> fill a directory that does not exist yet, keeps it durably, and reads it back.</summary>
    /// <exception cref="InvalidDataException">What was read back is not what was written.</exception>
    ValueTask SaveAsync(SnapshotInfo snapshot, Func<string, ValueTask> write, CancellationToken cancellationToken);

    /// <summary>The snapshot's files in a local directory, verified; to be left as they are.</summary>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    ValueTask<string> FetchAsync(SnapshotInfo snapshot, CancellationToken cancellationToken);

    /// <summary>Nothing happens if it is gone already.</summary>
    ValueTask DeleteAsync(SnapshotInfo snapshot, CancellationToken cancellationToken);
}

/// <summary>A snapshot.</summary>
/// <param name="Cursor">Everything below is in it; possibly some of what follows, too, as its own cursor says.</param>
/// <param name="Replica">Who wrote it.</param>
public sealed record SnapshotInfo(long Cursor, ulong Replica);
