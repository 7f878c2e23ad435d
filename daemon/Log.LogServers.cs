using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon;

/// <summary>The LogServer role: events 400 to 449.</summary>
internal static partial class Log
{
    [LoggerMessage(400, LogLevel.Critical, "The LogServer's disk failed: it acknowledges nothing any more.")]
    public static partial void LogServerFailed(this ILogger logger, Exception reason);

    [LoggerMessage(401, LogLevel.Information, "Replica of Loglet {Loglet} created.")]
    public static partial void ReplicaCreated(this ILogger logger, LogletId loglet);

    [LoggerMessage(402, LogLevel.Information, "Replica of Loglet {Loglet} deleted for good.")]
    public static partial void ReplicaDeleted(this ILogger logger, LogletId loglet);

    [LoggerMessage(403, LogLevel.Warning, "Damage may have hidden the seal of Loglet {Loglet}: it is sealed anew ({Status}).")]
    public static partial void SealedAfterDamage(this ILogger logger, LogletId loglet, StatusCode status);

    [LoggerMessage(404, LogLevel.Error, "The recorded config of Loglet {Loglet} makes no sense; the next message that carries it will bring it back.")]
    public static partial void ConfigUnreadable(this ILogger logger, LogletId loglet);

    [LoggerMessage(405, LogLevel.Error, "Reading entries of Loglet {Loglet} failed.")]
    public static partial void ReadFailed(this ILogger logger, Exception? exception, LogletId loglet);

    [LoggerMessage(406, LogLevel.Error, "Work in the background failed.")]
    public static partial void BackgroundWorkFailed(this ILogger logger, Exception exception);

    [LoggerMessage(407, LogLevel.Error, "A subscriber of Loglet {Loglet} could not be served; its connection is closed.")]
    public static partial void PushFailed(this ILogger logger, Exception exception, LogletId loglet);

    [LoggerMessage(408, LogLevel.Information, "LogServer recovered {Count} replicas in {Elapsed}.")]
    public static partial void LogServerRecovered(this ILogger logger, int count, TimeSpan elapsed);

    [LoggerMessage(409, LogLevel.Warning, "{Peer} sent a frame that makes no sense ({Text}); its connection is closed.")]
    public static partial void MalformedFrame(this ILogger logger, string peer, string text);

    [LoggerMessage(410, LogLevel.Warning, "The disk is full: the catalog could not be rewritten; it goes on growing.")]
    public static partial void CatalogNotRewritten(this ILogger logger, Exception exception);
}
