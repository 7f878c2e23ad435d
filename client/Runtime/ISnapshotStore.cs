namespace Delos.Runtime;

/// <summary>
/// Where a replica puts snapshots, and finds those of others: one place for all replicas of a log, such as a shared directory or an object store; or a place of each replica's own, from which the others can copy. What is listed was
/// written whole and has been read back. Thread-safe.
/// </summary>
public interface ISnapshotStore
{
    /// <summary>True: one place for all, whose snapshots survive their writers. False: each replica keeps what it wrote, and when it is gone, so are its snapshots; each then writes its own, and the log is trimmed only up to what two of them keep.</summary>
    bool IsShared => true;

    /// <summary>The snapshots that can be fetched at present, newest first; damaged ones, and those of replicas that cannot be reached, are left out.</summary>
    ValueTask<IReadOnlyList<SnapshotInfo>> ListAsync(CancellationToken cancellationToken);

    /// <summary>Those that <see cref="SaveAsync"/> wrote here, newest first: all, if the place is shared; asks nobody else.</summary>
    ValueTask<IReadOnlyList<SnapshotInfo>> ListOwnAsync(CancellationToken cancellationToken) => ListAsync(cancellationToken);

    /// <summary>Has <paramref name="write"/> fill a directory that does not exist yet, keeps it durably, and reads it back.</summary>
    /// <param name="replica">Who writes it.</param>
    /// <param name="write">Gets the directory; the cursor of the state that it wrote.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="InvalidDataException">What was read back is not what was written.</exception>
    ValueTask<SnapshotInfo> SaveAsync(ulong replica, Func<string, ValueTask<long>> write, CancellationToken cancellationToken);

    /// <summary>The snapshot's files in a local directory, verified; to be left as they are.</summary>
    /// <exception cref="InvalidDataException">It is damaged, or nobody who has it can be reached.</exception>
    ValueTask<string> FetchAsync(SnapshotInfo snapshot, CancellationToken cancellationToken);

    /// <summary>Somebody else is copying it just now: one that is only not needed any more should be deleted later. Of those written here; some of them only, each for a bounded time after the copier's last sign of life.</summary>
    bool IsInUse(SnapshotInfo snapshot) => false;

    /// <summary>Of those written here, also if it <see cref="IsInUse"/>. Nothing happens if it is gone already.</summary>
    ValueTask DeleteAsync(SnapshotInfo snapshot, CancellationToken cancellationToken);
}

/// <summary>A snapshot.</summary>
/// <param name="Cursor">Everything below is in it, and nothing else.</param>
/// <param name="Replica">Who wrote it.</param>
public sealed record SnapshotInfo(long Cursor, ulong Replica);
