using System.Net;
using Delos.Protocol.Cluster;
using Delos.Protocol.Identity;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon;

/// <summary>Messages of the node itself, its start and its stop: events 900 to 949.</summary>
internal static partial class Log
{
    [LoggerMessage(900, LogLevel.Information, "Node {NodeId} of cluster {ClusterId} starts: roles {Roles}, disk {DiskId}, incarnation {Incarnation:x16}, data {Directory}")]
    public static partial void NodeStarting(this ILogger logger, uint nodeId, Guid clusterId, NodeRoles roles, Guid diskId, ulong incarnation, string directory);

    [LoggerMessage(901, LogLevel.Information, "Listening at {EndPoint}")]
    public static partial void NodeListening(this ILogger logger, IPEndPoint endPoint);

    [LoggerMessage(902, LogLevel.Information, "Registered as {Node}, node list version {Version}")]
    public static partial void NodeRegistered(this ILogger logger, NodeInfo node, ulong version);

    [LoggerMessage(903, LogLevel.Warning, "The node list cannot be read yet, next try in {Delay}: {Reason}")]
    public static partial void MetaStoreNotReached(this ILogger logger, string reason, TimeSpan delay);

    [LoggerMessage(904, LogLevel.Information, "Ready after {Milliseconds} ms")]
    public static partial void NodeReady(this ILogger logger, long milliseconds);

    [LoggerMessage(905, LogLevel.Information, "Stopping: {Reason}")]
    public static partial void NodeStopping(this ILogger logger, string reason);

    [LoggerMessage(906, LogLevel.Information, "Stopped")]
    public static partial void NodeStopped(this ILogger logger);

    [LoggerMessage(907, LogLevel.Critical, "The {Role} met an I/O error on its log: nothing more is acknowledged and the process ends. Look at the disk before starting it again")]
    public static partial void NodeFailed(this ILogger logger, Exception exception, string role);

    [LoggerMessage(908, LogLevel.Warning, "The stop was not complete within {Timeout}: ending all the same")]
    public static partial void StopTimedOut(this ILogger logger, TimeSpan timeout);

    [LoggerMessage(909, LogLevel.Information, "The {Role} recovered its disk in {Milliseconds} ms")]
    public static partial void RoleRecovered(this ILogger logger, string role, long milliseconds);

    [LoggerMessage(910, LogLevel.Information, "Rehearsed a reconfiguration in {Milliseconds} ms")]
    public static partial void Rehearsed(this ILogger logger, long milliseconds);

    [LoggerMessage(912, LogLevel.Critical, "The node is out of memory (noticed by the {Role}): nothing more is acknowledged and the process ends. Give it more, or lower limits.window_bytes, in_flight_bytes and queued_bytes")]
    public static partial void NodeOutOfMemory(this ILogger logger, Exception exception, string role);

    [LoggerMessage(911, LogLevel.Warning, "The rehearsal failed; the first reconfiguration will be slower, and nothing else: {Reason}")]
    public static partial void RehearsalFailed(this ILogger logger, string reason);
}
