using Microsoft.Extensions.Logging;

namespace Delos.Runtime;

/// <summary>The log messages of this assembly: events 1000 to 1099.</summary>
internal static partial class Log
{
    [LoggerMessage(1000, LogLevel.Error, "Log '{LogName}', replica {Replica}: failed, and serves no more.")]
    public static partial void ReplicaFailed(this ILogger logger, string logName, string replica, Exception exception);

    [LoggerMessage(1001, LogLevel.Error, "Log '{LogName}', replica {Replica}: stands in front of position {Position}, at which the state machine fails. It serves stale reads only, until an operator patches or deletes that entry.")]
    public static partial void ReplicaPoisoned(this ILogger logger, string logName, string replica, long position, Exception exception);

    [LoggerMessage(1002, LogLevel.Critical, "Log '{LogName}', replica {Replica}: has another state than the other replicas (noticed at {Position}), and serves no more. Wipe it, so that it begins anew from a snapshot.")]
    public static partial void ReplicaDiverged(this ILogger logger, string logName, string replica, long position);

    [LoggerMessage(1003, LogLevel.Warning, "Log '{LogName}', replica {Replica}: the log was trimmed beyond {Position}, from where this replica would go on; it restores a snapshot.")]
    public static partial void LogTrimmedAhead(this ILogger logger, string logName, string replica, long position);

    [LoggerMessage(1004, LogLevel.Information, "Log '{LogName}', replica {Replica}: restored the snapshot at {Cursor} that replica {Writer} wrote.")]
    public static partial void SnapshotRestored(this ILogger logger, string logName, string replica, long cursor, ulong writer);

    [LoggerMessage(1005, LogLevel.Warning, "Log '{LogName}', replica {Replica}: the log begins at {First}, beyond this replica's cursor, and there is no snapshot from there on; it waits for one.")]
    public static partial void NoSnapshot(this ILogger logger, string logName, string replica, long first);

    [LoggerMessage(1006, LogLevel.Warning, "Log '{LogName}', replica {Replica}: its store cannot be read, and is replaced by a snapshot.")]
    public static partial void StoreUnreadable(this ILogger logger, string logName, string replica, Exception exception);

    [LoggerMessage(1007, LogLevel.Warning, "Log '{LogName}', replica {Replica}: {What} failed; it is tried again.")]
    public static partial void UpkeepFailed(this ILogger logger, string logName, string replica, string what, Exception exception);

    [LoggerMessage(1008, LogLevel.Information, "Log '{LogName}', replica {Replica}: wrote and verified a snapshot at {Cursor}.")]
    public static partial void SnapshotWritten(this ILogger logger, string logName, string replica, long cursor);

    [LoggerMessage(1009, LogLevel.Information, "Log '{LogName}': trimmed up to {Position}.")]
    public static partial void LogTrimmed(this ILogger logger, string logName, long position);

    [LoggerMessage(1010, LogLevel.Warning, "Log '{LogName}', replica {Replica}: evicted replica {Evicted}, which has not reported for {Seconds:0} s; it does not hold up trimming any more.")]
    public static partial void ReplicaEvicted(this ILogger logger, string logName, string replica, string evicted, double seconds);

    [LoggerMessage(1011, LogLevel.Warning, "Log '{LogName}', replica {Replica}: the snapshot at {Cursor} of replica {Writer} cannot be used; an older one is tried.")]
    public static partial void SnapshotUnusable(this ILogger logger, string logName, string replica, long cursor, ulong writer, Exception exception);
}
