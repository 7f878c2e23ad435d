using System.Net;
using Microsoft.Extensions.Logging;

namespace Delos.Protocol;

/// <summary>The log messages of this assembly: events 1 to 99.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Debug, "Connection {Id} to {Peer} at {Remote} established.")]
    public static partial void ConnectionEstablished(this ILogger logger, long id, string peer, EndPoint? remote);

    [LoggerMessage(2, LogLevel.Debug, "Connection {Id} to {Peer} at {Remote} closed: {Reason}")]
    public static partial void ConnectionClosed(this ILogger logger, long id, string peer, EndPoint? remote, string reason);

    [LoggerMessage(3, LogLevel.Warning, "Connection {Id} from {Remote} refused: {Text}")]
    public static partial void ConnectionRefused(this ILogger logger, long id, EndPoint? remote, string text);

    [LoggerMessage(4, LogLevel.Error, "A handler failed on connection {Id} to {Peer}; the connection is closed.")]
    public static partial void HandlerFailed(this ILogger logger, Exception exception, long id, string peer);

    [LoggerMessage(5, LogLevel.Warning, "Accepting connections at {Local} failed ({Reason}); trying again in {Delay}.")]
    public static partial void AcceptFailed(this ILogger logger, EndPoint local, string reason, TimeSpan delay);

    [LoggerMessage(6, LogLevel.Warning, "{Count} connections are open at {Local}, as many as allowed: further ones are refused.")]
    public static partial void TooManyConnections(this ILogger logger, int count, EndPoint local);
}
