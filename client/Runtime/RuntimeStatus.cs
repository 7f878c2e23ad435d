namespace Delos.Runtime;

/// <summary>What a replica does at present.</summary>
public enum RuntimeState
{
    /// <summary>Opening its store, or putting a snapshot in its place. Serves nothing.</summary>
    Starting,

    /// <summary>Applies what comes.</summary>
    Applying,

    /// <summary>Stands in front of an entry at which the state machine fails; serves stale reads only. An operator patches or deletes the entry (reconfigModify), and it goes on.</summary>
    Poisoned,

    /// <summary>Its state is not that of the others: serves nothing. To be wiped; it then begins anew from a snapshot of another replica.</summary>
    Diverged,

    /// <summary>Its own store failed, or something else that needs a restart. Serves nothing.</summary>
    Failed,

    /// <summary>Disposed.</summary>
    Closed,
}

/// <summary>A replica's condition at one moment.</summary>
/// <param name="State">What it does.</param>
/// <param name="Cursor">First position not applied.</param>
/// <param name="DurableCursor">Below it the store needs no log any more after a crash.</param>
/// <param name="Snapshot">The cursor of the newest snapshot that it has written or, where all share one place, seen; -1: none.</param>
/// <param name="TrimPoint">How far the log may be trimmed as far as the reports of all replicas say.</param>
/// <param name="Checksum">Of all that was applied: compare it with another replica's at the same cursor.</param>
/// <param name="Commands">Commands applied in the log's life, or since the first snapshot.</param>
/// <param name="Problem">Why it does not apply or, while it does, why its state cannot be made durable or no snapshot be written; empty if all is well.</param>
public sealed record RuntimeStatus(RuntimeState State, long Cursor, long DurableCursor, long Snapshot, long TrimPoint, ulong Checksum, long Commands, string Problem);
