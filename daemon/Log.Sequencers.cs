using Delos.Daemon.Sequencers;
using Delos.Protocol.Identity;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon;

/// <summary>Messages of the sequencer role: events 600 to 699.</summary>
internal static partial class Log
{
    [LoggerMessage(600, LogLevel.Information, "Sequencing Loglet {Loglet} over {Replicas} replicas.")]
    public static partial void LogletOpened(this ILogger logger, LogletId loglet, int replicas);

    [LoggerMessage(601, LogLevel.Information, "Loglet {Loglet} is being ended ({Reason}): next position {Next}, global tail {Tail}.")]
    public static partial void LogletEnding(this ILogger logger, LogletId loglet, EndReason reason, long next, long tail);

    [LoggerMessage(602, LogLevel.Information, "Loglet {Loglet} has ended ({Reason}): next position {Next}, global tail {Tail}.")]
    public static partial void LogletEnded(this ILogger logger, LogletId loglet, EndReason reason, long next, long tail);

    [LoggerMessage(603, LogLevel.Debug, "Loglet {Loglet}: node {Node} is connected.")]
    public static partial void ReplicaConnected(this ILogger logger, LogletId loglet, uint node);

    [LoggerMessage(604, LogLevel.Information, "Loglet {Loglet}: the connection to node {Node} is lost; trying again.")]
    public static partial void ReplicaLost(this ILogger logger, LogletId loglet, uint node);

    [LoggerMessage(605, LogLevel.Debug, "Node {Node} cannot be reached: {Reason}")]
    public static partial void ReplicaUnreachable(this ILogger logger, uint node, string reason);

    [LoggerMessage(606, LogLevel.Warning, "Node {Node} has disk {Disk}, the Loglet's replica is on {Expected}: it is not used.")]
    public static partial void ReplicaHasOtherDisk(this ILogger logger, uint node, Guid disk, Guid expected);

    [LoggerMessage(607, LogLevel.Information, "Node {Node} did not answer a seal: {Reason}")]
    public static partial void SealNotAnswered(this ILogger logger, uint node, string reason);

    [LoggerMessage(608, LogLevel.Error, "Loglet {Loglet}: node {Node} acknowledged everything below {Tail}, but only positions below {Next} were assigned. Ignored.")]
    public static partial void ImplausibleAcknowledgement(this ILogger logger, LogletId loglet, uint node, long tail, long next);

    [LoggerMessage(609, LogLevel.Error, "Node {Node} does not accept a store: {Reason}")]
    public static partial void StoreNotAccepted(this ILogger logger, uint node, string reason);

    [LoggerMessage(610, LogLevel.Error, "Loglet {Loglet}: the replica of this node failed unexpectedly; trying again.")]
    public static partial void OwnReplicaFailed(this ILogger logger, LogletId loglet, Exception exception);
}
