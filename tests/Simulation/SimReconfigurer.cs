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
    private readonly LogPolicy _policy = new(cluster.Replication, LogletKind.Native, 1);

    public async Task CreateAsync(string log)
    {
        while (await meta.ReadAsync(log) is not { } chain)
        {
            if (await PrepareAsync(PlacementHint.None) is not { } candidate) continue;
            await meta.WriteAsync(log, ChainEdits.Create(_policy, candidate, cluster.World.NewGuid(), Edit()));
        }
    }

    /// <summary>Null: not now.</summary>
    public async Task<Chain?> ExtendAsync(string log, LogletId expected, PlacementHint? hint = null)
    {
        if (await meta.ReadAsync(log) is not { } chain) return null;
        if (chain.Active.Loglet.Id != expected && cluster.Mutant != SimMutant.DuellingExtenders) return chain;
        var old = new SimLoglet(me, cluster, chain.Active.Loglet);
        var candidate = cluster.Mutant == SimMutant.ReusedLoglet ? chain.Active.Loglet : await PrepareAsync(hint ?? new PlacementHint { Former = chain.Active.Loglet });
        if (candidate is null) return null;
        var (outcome, tail) = cluster.Mutant == SimMutant.NoRepair ? await old.SealWithoutRepairAsync() : await old.TailAsync(seal: true);
        if (outcome != TailOutcome.Sealed)
        {
            await new SimLoglet(me, cluster, candidate).DeleteAsync();
            return null;
        }

        var install = cluster.World.NewGuid();
        var before = chain.Active;
        var unknown = false;
        for (var attempt = 0; attempt < 20; attempt++)
        {
            var next = ChainEdits.Extend(chain, chain.Active.Start + tail, candidate, install, Edit());
            var write = await meta.WriteAsync(log, next);
            unknown |= write.Unknown;
            if (write.Winner is not { } winner)
            {
                if (cluster.Mutant == SimMutant.TimedOutWriteLost)
                {
                    for (var times = 0; times < 10; times++)
                    {
                        await new SimLoglet(me, cluster, candidate).DeleteAsync();
                        await me.Delay(100_000);
                    }

                    return null;
                }

                await me.Delay(20_000);
                continue;
            }

            if (write.Won || winner.HasInstalled(install))
            {
                if (write.Won && next.FindByInstallId(before.InstallId) is null) cluster.World.Spawn(new SimLoglet(me, cluster, before.Loglet).DeleteAsync);
                cluster.World.Count(write.Won ? "chain extended" : "win recognised later");
                cluster.World.Tell($"process {me.Id}: {log} v{winner.Version}, segment from {next.Active.Start}, Loglet {candidate.Id} on node {candidate.SequencerNode}");
                return winner;
            }

            chain = winner;
            if (chain.Active.Loglet.Id == expected) continue;
            await new SimLoglet(me, cluster, candidate).DeleteAsync();
            return cluster.Mutant == SimMutant.DuellingExtenders ? await ExtendAsync(log, chain.Active.Loglet.Id) : chain;
        }

        return null;
    }

    /// <summary>A config for a new Loglet; null: not now.</summary>
    public async Task<LogletConfig?> PlaceAsync(PlacementHint hint)
    {
        var probes = new List<NodeProbe>();
        foreach (var node in cluster.Nodes)
        {
            var answer = await me.Network.AskAsync(me, node, new SimProbe(), timeout: 20_000);
            probes.Add(answer?.Body is SimProbeReply reply ? new NodeProbe(reply.Node, reply.Incarnation, true) : new NodeProbe(node.Info, 0, false));
        }

        try
        {
            return PlacementChoice.Choose(_policy, hint, probes, () => new LogletId(cluster.World.NewId(), cluster.World.NewId()), _ => cluster.World.Random.Next());
        }
        catch (DelosException)
        {
            await me.Delay(10_000);
            return null;
        }
    }

    private async Task<LogletConfig?> PrepareAsync(PlacementHint hint)
    {
        if (await PlaceAsync(hint) is not { } candidate) return null;
        if (await me.Network.AskAsync(me, cluster.Node(candidate.SequencerNode), new OpenLoglet(candidate)) is { Body: OpenLogletReply { Status: StatusCode.Ok } }) return candidate;
        await new SimLoglet(me, cluster, candidate).DeleteAsync();
        return null;
    }

    public ChainEdit Edit() => new(0, default, (uint)me.Id, 0, "simulated");
}
