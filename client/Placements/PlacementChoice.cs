using Delos.Protocol.Chains;
using Delos.Protocol.Cluster;
using Delos.Protocol.Identity;

namespace Delos.Client.Placements;

/// <summary>
/// Chooses replicas and sequencer among probed nodes. Pure: the caller brings what the nodes said and the random order among equals.
/// </summary>
/// <remarks>
/// Replicas, best first: live ones of the former segment (readers and caches are there), other live ones, live ones to avoid, then nodes that do not answer: a Loglet whose majority lives may name
/// dead nodes, which refill when they come back; one with fewer replicas would tolerate less. The sequencer lives, preferably where a replica is that stays, and on another node than
/// before: the former one may be failing in a way that probes do not show. Stripes take sequencers in that order, one each.
/// </remarks>
internal static class PlacementChoice
{
    /// <exception cref="DelosException">Unavailable or NotFound, with what is missing.</exception>
    public static LogletConfig Choose(LogPolicy policy, PlacementHint hint, IReadOnlyList<NodeProbe> probes, Func<LogletId> newId, Func<NodeProbe, int> tieBreak)
    {
        var replicas = Replicas(policy, hint, probes, tieBreak);
        if (policy.Kind != LogletKind.Striped) return Native(newId(), Sequencers(hint, probes, replicas, tieBreak)[0], replicas);
        if (!policy.Sharded)
        {
            // Rotating sequencers over the same LogServers: every stripe another one, as far as there are.
            var sequencers = Sequencers(hint, probes, replicas, tieBreak);
            var id = newId();
            return LogletConfig.Striped(id, [.. Enumerable.Range(0, policy.Stripes).Select(i => Native(newId(), sequencers[i % sequencers.Length], replicas) with { StorageGroup = id })]);
        }

        var shards = Shards(policy, hint, replicas);
        return LogletConfig.Striped(newId(), [.. shards.Select(shard => Native(newId(), Sequencers(hint, probes, shard, tieBreak)[0], shard))]);
    }

    /// <summary>True if no further answer could improve more than the spread: there are enough good nodes, or only those that are believed dead have not answered.</summary>
    /// <param name="policy">Of the log.</param>
    /// <param name="hint">What to consider.</param>
    /// <param name="asked">All nodes that were asked.</param>
    /// <param name="unconnected">Nodes to which there was no connection when they were asked: who keeps connections warm takes them for dead.</param>
    /// <param name="probes">The answers so far.</param>
    public static bool IsEnough(LogPolicy policy, PlacementHint hint, IReadOnlyCollection<NodeInfo> asked, IReadOnlySet<uint> unconnected, IReadOnlyCollection<NodeProbe> probes)
    {
        if (hint.Replicas is not null || hint.Sequencer is not null) return false;
        var good = probes.Where(p => p.IsReady && !hint.Avoid.Contains(p.Node.NodeId)).ToArray();
        if (!good.Any(p => Has(p, NodeRoles.Sequencer) && p.Node.NodeId != hint.Former?.SequencerNode)) return false;
        var isNobodyElseExpected = asked.All(n => hint.Avoid.Contains(n.NodeId) || unconnected.Contains(n.NodeId) || probes.Any(p => p.Node.NodeId == n.NodeId));

        // Every stripe is to have a sequencer of its own.
        if (policy.Kind == LogletKind.Striped && good.Count(p => Has(p, NodeRoles.Sequencer)) < policy.Stripes && !isNobodyElseExpected) return false;
        var logServers = good.Count(p => Has(p, NodeRoles.LogServer));
        return logServers >= policy.LogServers || (logServers > policy.LogServers / 2 && isNobodyElseExpected);
    }

    private static NodeProbe[] Replicas(LogPolicy policy, PlacementHint hint, IReadOnlyList<NodeProbe> probes, Func<NodeProbe, int> tieBreak)
    {
        NodeProbe[] chosen;
        if (hint.Replicas is { } demanded)
        {
            chosen = [.. demanded.Select(id => Demanded(id, NodeRoles.LogServer, probes))];
        }
        else
        {
            var candidates = probes.Where(p => Has(p, NodeRoles.LogServer)).ToArray();
            if (candidates.Length < policy.LogServers)
            {
                var what = policy.Sharded ? $" ({policy.Stripes} stripes of {policy.Replication})" : "";
                throw new DelosException(DelosErrorCode.Unavailable,
                    $"{policy.LogServers} LogServers are needed{what}; the node list has {candidates.Length}: {Names(candidates)}.");
            }

            chosen = [.. candidates.OrderBy(Tier).ThenBy(tieBreak).ThenBy(p => p.Node.NodeId).Take(policy.LogServers)];
        }

        if (!policy.Sharded) RequireMajority(chosen);
        return chosen;

        int Tier(NodeProbe p)
        {
            var former = hint.Former?.HasReplica(p.Node.NodeId, p.Node.DiskId) ?? false;
            if (!p.IsReady) return former ? 3 : 4;
            if (hint.Avoid.Contains(p.Node.NodeId)) return 2;
            return former ? 0 : 1;
        }
    }

    /// <summary>Each stripe's LogServers. Those that live are dealt out first, so that no stripe lacks a majority while another has one to spare; those demanded, in their order.</summary>
    private static NodeProbe[][] Shards(LogPolicy policy, PlacementHint hint, NodeProbe[] replicas)
    {
        NodeProbe[][] shards = hint.Replicas is not null
            ? [.. replicas.Chunk(policy.Replication)]
            : [.. replicas.OrderByDescending(p => p.IsReady).Select((p, i) => (Node: p, Shard: i % policy.Stripes)).GroupBy(p => p.Shard).Select(g => g.Select(p => p.Node).ToArray())];
        foreach (var shard in shards) RequireMajority(shard);
        return shards;
    }

    private static void RequireMajority(NodeProbe[] replicas)
    {
        var live = replicas.Count(p => p.IsReady);
        var quorum = replicas.Length / 2 + 1;
        if (live >= quorum) return;
        throw new DelosException(DelosErrorCode.Unavailable,
            $"A Loglet with {replicas.Length} replicas needs {quorum} live LogServers; {live} answered. No answer from {Names(replicas.Where(p => !p.IsReady))}.");
    }

    /// <summary>The best first; at least one.</summary>
    private static NodeProbe[] Sequencers(PlacementHint hint, IReadOnlyList<NodeProbe> probes, NodeProbe[] replicas, Func<NodeProbe, int> tieBreak)
    {
        if (hint.Sequencer is { } demanded)
        {
            var node = Demanded(demanded, NodeRoles.Sequencer, probes);
            return node.IsReady ? [node] : throw new DelosException(DelosErrorCode.Unavailable, $"{node.Node} shall sequence, but does not answer.", node: demanded);
        }

        NodeProbe[] live = [.. probes.Where(p => p.IsReady && Has(p, NodeRoles.Sequencer) && !hint.Avoid.Contains(p.Node.NodeId)).OrderBy(Tier).ThenBy(tieBreak).ThenBy(p => p.Node.NodeId)];
        if (live.Length > 0) return live;
        var sequencers = probes.Where(p => Has(p, NodeRoles.Sequencer)).ToArray();
        throw new DelosException(DelosErrorCode.Unavailable, $"No live sequencer: {(sequencers.Length == 0 ? "no node has that role" : $"asked {Names(sequencers)}")}.");

        int Tier(NodeProbe p)
        {
            var stays = hint.Former?.HasReplica(p.Node.NodeId, p.Node.DiskId) ?? false;
            if (p.Node.NodeId == hint.Former?.SequencerNode) return 3;
            if (!replicas.Contains(p)) return 2;
            return stays ? 0 : 1;
        }
    }

    private static LogletConfig Native(LogletId id, NodeProbe sequencer, NodeProbe[] replicas) =>
        LogletConfig.Native(id, sequencer.Node.NodeId, sequencer.Incarnation, [.. replicas.Select(r => new ReplicaId(r.Node.NodeId, r.Node.DiskId)).OrderBy(r => r.NodeId)]);

    private static NodeProbe Demanded(uint nodeId, NodeRoles role, IReadOnlyList<NodeProbe> probes)
    {
        var probe = probes.FirstOrDefault(p => p.Node.NodeId == nodeId) ?? throw new DelosException(DelosErrorCode.NotFound, $"Node {nodeId} is not in the node list.", node: nodeId);
        return Has(probe, role) ? probe : throw new DelosException(DelosErrorCode.InvalidRequest, $"{probe.Node} has no role {role}.", node: nodeId);
    }

    private static bool Has(NodeProbe probe, NodeRoles role) => (probe.Node.Roles & role) != 0;

    private static string Names(IEnumerable<NodeProbe> probes)
    {
        var names = string.Join(", ", probes.Select(p => p.Node.ToString()));
        return names.Length == 0 ? "none" : names;
    }
}
