using Microsoft.Extensions.Logging;

namespace Delos.Daemon;

/// <summary>Messages of the role table: events 980 to 989.</summary>
internal static partial class Log
{
    [LoggerMessage(980, LogLevel.Error, "The replica of the tables could not be started; the node's other roles go on. Mend it, then start the node again")]
    public static partial void TableReplicaNotStarted(this ILogger logger, Exception exception);

    [LoggerMessage(981, LogLevel.Error, "A query of the tables failed")]
    public static partial void TableReadFailed(this ILogger logger, Exception exception);

    [LoggerMessage(982, LogLevel.Warning, "Maintenance of the tables fails: indexes are not filled, and what expired or was dropped is not removed by this node. It is tried again; this is not said again unless it fails otherwise")]
    public static partial void TableMaintenanceFailed(this ILogger logger, Exception exception);

    [LoggerMessage(983, LogLevel.Warning, "The replica of the tables was not closed within {Timeout}: going on all the same, the log has everything")]
    public static partial void TableStopTimedOut(this ILogger logger, TimeSpan timeout);

    [LoggerMessage(984, LogLevel.Warning, "The replica of the tables was not closed in good order; the log has everything")]
    public static partial void TableStopFailed(this ILogger logger, Exception exception);

    [LoggerMessage(985, LogLevel.Information, "Maintenance of the tables goes on")]
    public static partial void TableMaintenanceRecovered(this ILogger logger);
}
