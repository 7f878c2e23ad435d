using Microsoft.Extensions.Logging;

namespace Delos.LocalStorage;

/// <summary>The log messages of this assembly: events 1100 to 1119.</summary>
internal static partial class Log
{
    [LoggerMessage(1100, LogLevel.Information, "Log '{LogName}': copied the snapshot at {Cursor} of replica {Writer} from node {Node}, {Bytes} bytes in {Elapsed}.")]
    public static partial void SnapshotFetched(this ILogger logger, string logName, long cursor, ulong writer, uint node, long bytes, TimeSpan elapsed);

    [LoggerMessage(1101, LogLevel.Warning, "Log '{LogName}': node {Node} did not give the snapshot at {Cursor} of replica {Writer}; another one is asked.")]
    public static partial void SnapshotPeerPassedOver(this ILogger logger, string logName, uint node, long cursor, ulong writer, Exception exception);

    [LoggerMessage(1102, LogLevel.Information, "Log '{LogName}': node {Node} does not list its snapshots: {Reason}")]
    public static partial void SnapshotsNotListed(this ILogger logger, string logName, uint node, string reason);

    [LoggerMessage(1103, LogLevel.Warning, "Log '{LogName}': which nodes keep snapshots cannot be found out now.")]
    public static partial void SnapshotPeersUnknown(this ILogger logger, string logName, Exception exception);
}
