using Microsoft.Extensions.Logging;

namespace Delos.Daemon;

/// <summary>Every message that the daemon logs. Event ids are stable: 300–999, storage 300–349.</summary>
internal static partial class Log
{
    [LoggerMessage(300, LogLevel.Critical, "The disk failed. Nothing more is acknowledged; the role ends.")]
    public static partial void DiskFailed(ILogger logger, Exception reason);

    [LoggerMessage(301, LogLevel.Warning, "No space for {Path}: {Reason}. Appends are refused until there is; it is tried again every second.")]
    public static partial void NoSpace(ILogger logger, string path, string reason);

    [LoggerMessage(302, LogLevel.Information, "There is space again for {Path}.")]
    public static partial void SpaceReturned(ILogger logger, string path);

    [LoggerMessage(303, LogLevel.Information, "{Path}: the torn end of an interrupted write was cut at {Tail}.")]
    public static partial void TornTailCut(ILogger logger, string path, long tail);

    [LoggerMessage(304, LogLevel.Error, "{File} is damaged at offset {Offset}, {Length} bytes. The positions count as held, and are to be fetched from a peer.")]
    public static partial void RecordDamaged(ILogger logger, string file, long offset, long length);

    [LoggerMessage(305, LogLevel.Error, "{Path} is damaged near {Address}: of {Loglet}, positions {First} to {End} cannot be read here.")]
    public static partial void DamageFound(ILogger logger, string path, long address, string loglet, long first, long end);

    [LoggerMessage(306, LogLevel.Warning, "{Path}: no space for the marker that states its tail; the records are safe.")]
    public static partial void MarkerNotWritten(ILogger logger, string path);

    [LoggerMessage(307, LogLevel.Information, "{Path}: a trim freed {Bytes} bytes.")]
    public static partial void TrimFreed(ILogger logger, string path, long bytes);

    [LoggerMessage(308, LogLevel.Information, "{Path}: rewritten, {Bytes} bytes.")]
    public static partial void JournalRewritten(ILogger logger, string path, long bytes);

    // MetaStore: 350 to 369

    [LoggerMessage(350, LogLevel.Information, "MetaStore: {Count} registers in {Path}.")]
    public static partial void MetaStoreOpened(this ILogger logger, int count, string path);

    [LoggerMessage(351, LogLevel.Warning, "MetaStore: the journal could not be rewritten; it goes on growing.")]
    public static partial void MetaStoreRewriteFailed(this ILogger logger, Exception exception);

    // Snapshots: 370 to 379

    [LoggerMessage(370, LogLevel.Error, "Log '{LogName}': a snapshot could not be read for another replica.")]
    public static partial void SnapshotReadFailed(this ILogger logger, Exception exception, string logName);

    [LoggerMessage(371, LogLevel.Error, "Log '{LogName}': a snapshot that was asked for could not be written.")]
    public static partial void SnapshotNotWritten(this ILogger logger, Exception exception, string logName);

    [LoggerMessage(320, LogLevel.Warning, "The disk took {Took} for one commit of {Logs} logs: appends waited for it.")]
    public static partial void CommitSlow(ILogger logger, int logs, TimeSpan took);
}
