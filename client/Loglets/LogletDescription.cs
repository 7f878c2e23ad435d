using Delos.Protocol.Chains;
using Delos.Protocol.Framing;

namespace Delos.Client.Loglets;

/// <summary>What a Loglet's parts say of themselves at about one time, for operators.</summary>
/// <param name="Config">Its config.</param>
/// <param name="SequencerReachable">The node named in the config answers and runs the incarnation named there.</param>
/// <param name="Replicas">In the order of the config.</param>
public sealed record LogletDescription(LogletConfig Config, bool SequencerReachable, IReadOnlyList<ReplicaDescription> Replicas);

/// <summary>One replica's answer.</summary>
/// <param name="Replica">Which.</param>
/// <param name="Status">Ok; NotFound, Deleted; Unavailable: it did not answer, see <paramref name="Error"/>.</param>
/// <param name="IsSealed">Durably sealed.</param>
/// <param name="DurableTail">First position not durably held.</param>
/// <param name="GlobalTail">Highest global tail it was told.</param>
/// <param name="TrimPoint">First position not trimmed.</param>
/// <param name="HasUnknown">Some positions are damaged there.</param>
/// <param name="Error">Why there is no answer; else null.</param>
public sealed record ReplicaDescription(
    ReplicaId Replica, StatusCode Status, bool IsSealed, long DurableTail, long GlobalTail, long TrimPoint, bool HasUnknown, string? Error);
