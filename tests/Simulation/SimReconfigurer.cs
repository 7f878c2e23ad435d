using Delos.Client;
using Delos.Client.Loglets;
using Delos.Client.Placements;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Tests.Simulation;

/// <summary>As client/Reconfiguration/Reconfigurer.cs: place, open, seal, conditional write, read back who won, delete a candidate that lost.</summary>
internal sealed class SimReconfigurer(SimProcess me, ClusterSimulation cluster, SimMetaClient meta)
{
    public async Task CreateAsync(string log, LogPolicy policy)
    {
        while (await meta.ReadAsync(log) is not { } chain)
        {
            if (await PrepareAsync(policy, PlacementHint.None) is not { } candidate) continue;
            await meta.WriteAsync(log, ChainEdits.Create(policy, candidate, cluster.World.NewGuid(), Edit()));
        }
    }

    /// <summary>Null: not now.</summary>
    /// <param name="log">Which.</param>
    /// <param name="expected">The active Loglet.</param>
    /// <param name="hint">For the placement.</param>
    /// <param name="policy">The log's new one; null: as it was.</param>
    public async Task<Chain?> ExtendAsync(string log, LogletId expected, PlacementHint? hint = null, LogPolicy? policy = null)
    {
        if (await meta.ReadAsync(log) is not { } chain) return null;
        if (chain.Active.Loglet.Id != expected && cluster.Mutant != SimMutant.DuellingExtenders) return chain;
        var old = SimLoglet.Open(me, cluster, chain.Active.Loglet);
        var candidate = cluster.Mutant == SimMutant.ReusedLoglet ? chain.Active.Loglet : await PrepareAsync(policy ?? chain.Policy, hint ?? new PlacementHint { Former = chain.Active.Loglet });
        if (candidate is null) return null;
        var (outcome, tail) = cluster.Mutant == SimMutant.NoRepair ? await old.SealWithoutRepairAsync() : await old.SealAsync();
        if (outcome != TailOutcome.Sealed)
        {
            await SimLoglet.Open(me, cluster, candidate).DeleteAsync();
            return null;
        }

        var install = cluster.World.NewGuid();
        var before = chain.Active;
        var unknown = false;
        for (var attempt = 0; attempt < 20; attempt++)
        {
            var next = ChainEdits.Extend(chain, chain.Active.Start + tail, candidate, install, Edit(), policy);
            var write = await meta.WriteAsync(log, next);
            unknown |= write.Unknown;
            if (write.Winner is not { } winner)
            {
                if (cluster.Mutant == SimMutant.TimedOutWriteLost)
                {
                    for (var times = 0; times < 10; times++)
                    {
                        await SimLoglet.Open(me, cluster, candidate).DeleteAsync();
                        await me.Delay(100_000);
                    }

                    return null;
                }

                await me.Delay(20_000);
                continue;
            }

            if (write.Won || winner.HasInstalled(install))
            {
                if (write.Won && next.FindByInstallId(before.InstallId) is null) cluster.World.Spawn(SimLoglet.Open(me, cluster, before.Loglet).DeleteAsync);
                cluster.World.Count(write.Won ? "chain extended" : "win recognised later");
                if (write.Won) cluster.World.Count($"{Name(before.Loglet)} to {Name(candidate)}");
                cluster.World.Tell($"process {me.Id}: {log} v{winner.Version}, segment from {next.Active.Start}, Loglet {candidate.Id} on node {string.Join(", ", candidate.SequencerNodes)}");
                return winner;
            }

            chain = winner;
            if (chain.Active.Loglet.Id == expected) continue;
            await SimLoglet.Open(me, cluster, candidate).DeleteAsync();
            return cluster.Mutant == SimMutant.DuellingExtenders ? await ExtendAsync(log, chain.Active.Loglet.Id, policy: policy) : chain;
        }

        return null;
    }

    /// <summary>A config for a new Loglet; null: not now.</summary>
    public async Task<LogletConfig?> PlaceAsync(LogPolicy policy, PlacementHint hint)
    {
        var probes = new List<NodeProbe>();
        foreach (var node in cluster.Nodes)
        {
            var answer = await me.Network.AskAsync(me, node, new SimProbe(), timeout: 20_000);
            probes.Add(answer?.Body is SimProbeReply reply ? new NodeProbe(reply.Node, reply.Incarnation, true) : new NodeProbe(node.Info, 0, false));
        }

        try
        {
            return PlacementChoice.Choose(policy, hint, probes, () => new LogletId(cluster.World.NewId(), cluster.World.NewId()), _ => cluster.World.Random.Next());
        }
        catch (DelosException)
        {
            await me.Delay(10_000);
            return null;
        }
    }

    private async Task<LogletConfig?> PrepareAsync(LogPolicy policy, PlacementHint hint)
    {
        if (await PlaceAsync(policy, hint) is not { } candidate) return null;
        var opened = await Task.WhenAll(candidate.Parts.Select(p => me.Network.AskAsync(me, cluster.Node(p.SequencerNode), new OpenLoglet(p))).ToArray());
        if (opened.All(o => o?.Body is OpenLogletReply { Status: StatusCode.Ok })) return candidate;
        await SimLoglet.Open(me, cluster, candidate).DeleteAsync();
        return null;
    }

    private static string Name(LogletConfig loglet) => loglet.Kind != LogletKind.Striped ? "native" : loglet.Parts.DistinctBy(p => p.Replicas[0]).Count() > 1 ? "sharded" : "striped";

    public ChainEdit Edit() => new(0, default, (uint)me.Id, 0, "simulated");
}
