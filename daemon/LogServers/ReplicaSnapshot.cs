using Delos.Protocol.Chains;
using Delos.Protocol.Identity;

namespace Delos.Daemon.LogServers;

/// <summary>The state of one replica, observed atomically, for status documents and refilling.</summary>
/// <param name="Id">Which Loglet.</param>
/// <param name="Config">Null only if its record was damaged and nobody has named it since.</param>
/// <param name="IsSealed">Durably.</param>
/// <param name="IsDeleted">A tombstone is on its way.</param>
/// <param name="DurableTail">First position not durably held.</param>
/// <param name="GlobalTail">Highest global tail it was told since the start.</param>
/// <param name="TrimPoint">First position not trimmed.</param>
/// <param name="Unknown">Damaged ranges below the tail.</param>
/// <param name="HasHiddenTail">Damage hides where the log ended.</param>
public sealed record ReplicaSnapshot(
    LogletId Id, LogletConfig? Config, bool IsSealed, bool IsDeleted, long DurableTail, long GlobalTail, long TrimPoint, IReadOnlyList<PositionRange> Unknown, bool HasHiddenTail);
