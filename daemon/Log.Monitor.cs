using Delos.Protocol.Identity;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon;

/// <summary>Messages of the segment monitor and of refilling: events 950 to 979.</summary>
internal static partial class Log
{
    [LoggerMessage(950, LogLevel.Information, "Log '{LogName}' is watched.")]
    public static partial void LogWatched(this ILogger logger, string logName);

    [LoggerMessage(951, LogLevel.Warning, "Log '{LogName}': Loglet {Loglet} must be replaced: {Reason}. This node acts as number {Rank}.")]
    public static partial void SegmentFailed(this ILogger logger, string logName, LogletId loglet, string reason, int rank);

    [LoggerMessage(952, LogLevel.Warning, "Log '{LogName}' is not watched for {Delay}: {Problem}")]
    public static partial void MonitorFailed(this ILogger logger, string logName, TimeSpan delay, string problem);

    [LoggerMessage(953, LogLevel.Warning, "The list of logs cannot be read: {Problem}")]
    public static partial void MonitorCannotList(this ILogger logger, string problem);

    [LoggerMessage(954, LogLevel.Error, "{Part} met an unexpected failure and goes on after a pause.")]
    public static partial void MonitoringFailed(this ILogger logger, Exception exception, string part);

    [LoggerMessage(960, LogLevel.Information, "Log '{LogName}': Loglet {Loglet} is refilled from {From} to {To}.")]
    public static partial void RefillBegun(this ILogger logger, string logName, LogletId loglet, long from, long to);

    [LoggerMessage(961, LogLevel.Information, "Log '{LogName}': Loglet {Loglet} is refilled: {Entries} entries, {Bytes} bytes in {Elapsed}.")]
    public static partial void RefillDone(this ILogger logger, string logName, LogletId loglet, long entries, long bytes, TimeSpan elapsed);

    [LoggerMessage(962, LogLevel.Warning, "Log '{LogName}': Loglet {Loglet} cannot be refilled beyond {Position} now: {Problem}")]
    public static partial void RefillStuck(this ILogger logger, string logName, LogletId loglet, long position, string problem);

    [LoggerMessage(963, LogLevel.Warning, "Refilling waits: {Problem}")]
    public static partial void RefillWaits(this ILogger logger, string problem);
}
