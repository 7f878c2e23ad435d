using Delos.Client.Placements;
using Delos.Daemon.Monitoring;
using Delos.Protocol.Chains;
using Delos.Protocol.Cluster;
using Delos.Protocol.Messages;

namespace Delos.Tests.Simulation;

/// <summary>
/// The segment monitor of one MetaStore node, as daemon/Monitoring/LogWatch.cs and SequencerWatch.cs have it: asks the replicas, watches the sequencers, of every stripe, and extends the chain; what the answers mean
/// <see cref="SegmentHealth"/> says, and who acts first <see cref="MonitorRank"/>.
/// Unlike the daemon's (SegmentPoll.cs) it asks in rounds that wait for every replica's answer or timeout.
/// </summary>
internal sealed class SimMonitor(SimNode node, ClusterSimulation cluster)
{
    private readonly SimMetaClient _meta = new(node, cluster);
    private int _acting;

    private MonitorOptions Options => SimTimes.Monitor;

    private TimeSpan Now => node.Clock;

    /// <summary>Until the process dies.</summary>
    public void Start()
    {
        foreach (var log in cluster.Logs) node.World.Spawn(() => WatchAsync(log));
    }

    private async Task WatchAsync(string log)
    {
        while (true)
        {
            if (await _meta.ReadAsync(log) is not { } chain)
            {
                await DelayAsync(Options.ChainInterval);
                continue;
            }

            if (await UntilVerdictAsync(log, chain) is not { } verdict) continue;
            await ActAsync(log, chain, verdict);
            await DelayAsync(Options.FirstRetry);
        }
    }

    /// <summary>Null: another segment is active.</summary>
    private async Task<SegmentVerdict?> UntilVerdictAsync(string log, Chain chain)
    {
        var config = chain.Active.Loglet;
        var health = config.Parts.Select(p => (Part: p, Health: new SegmentHealth(p, Options))).ToArray();
        var chainReadAt = Now;
        var sealedPause = Options.SealedInterval;
        SegmentVerdict? gone = null;
        var isOver = false;
        foreach (var part in config.Parts.DistinctBy(p => (p.SequencerNode, p.Incarnation)))
        {
            node.World.Spawn(async () =>
            {
                while (gone is null && !isOver)
                {
                    if (await SequencerProblemAsync(part) is { } problem) gone ??= new SegmentVerdict(problem, part.SequencerNode, IsDown: true);
                    await DelayAsync(Options.StatusInterval);
                }
            });
        }

        try
        {
            while (true)
            {
                var verdicts = await Task.WhenAll(health.Select(h => ExamineAsync(config, h.Part, h.Health)).ToArray());
                var verdict = gone ?? verdicts.FirstOrDefault(v => v is { IsDown: true }) ?? verdicts.FirstOrDefault(v => v is not null);
                var isSealed = health.Any(h => h.Health.IsSealed);
                if (verdict is not null || isSealed || Now - chainReadAt >= Options.ChainInterval)
                {
                    chainReadAt = Now;
                    if (await _meta.ReadAsync(log) is { } newest && newest.Active.Loglet.Id != config.Id) return null;
                    if (verdict is not null) return verdict;
                }

                await DelayAsync(isSealed ? sealedPause : Options.StatusInterval);
                if (isSealed) sealedPause = sealedPause * 2 < Options.StatusInterval ? sealedPause * 2 : Options.StatusInterval;
            }
        }
        finally
        {
            isOver = true;
        }
    }

    private async Task<SegmentVerdict?> ExamineAsync(LogletConfig whole, LogletConfig part, SegmentHealth health)
    {
        var answers = await Task.WhenAll(part.Replicas.Select(r => StatusAsync(part, r)).ToArray());
        for (var i = 0; i < answers.Length; i++)
        {
            if (answers[i] is { } reply) health.OnStatus(part.Replicas[i].NodeId, reply.Status, reply.IsSealed, Now);
            else health.OnLost(part.Replicas[i].NodeId, Now);
        }

        return health.Judge(Now, health.Lost.Count == 0 ? [] : await SparesAsync(whole));
    }

    private async Task ActAsync(string log, Chain chain, SegmentVerdict verdict)
    {
        if (cluster.Mutant == SimMutant.NoRollForward) return;
        _acting++;
        var begun = Now;
        var random = node.World.Random.NextDouble();
        while (MonitorRank.Delay(Rank(), Options.RankDelay, _acting, random) > Now - begun) await DelayAsync(Options.RankInterval);
        node.World.Tell($"node {node.Id}: monitor extends {log}: {verdict.Reason}");
        node.World.Count("monitor acted");
        var hint = new PlacementHint { Former = chain.Active.Loglet, Avoid = verdict.Failed == 0 ? [] : [verdict.Failed] };
        await new SimReconfigurer(node, cluster, _meta).ExtendAsync(log, chain.Active.Loglet.Id, hint);
        _acting--;

        int Rank() => MonitorRank.Of(cluster.NodeList, (uint)node.Id, log, n => n == verdict.Failed || !IsConnected(n));
    }

    private bool IsConnected(uint other) => other == node.Id || (node.Connections.TryGetValue((int)other, out var connection) && !connection.IsClosed);

    /// <summary>Null: it is there. Silence is looked into once more, by another connection.</summary>
    private async Task<string?> SequencerProblemAsync(LogletConfig config)
    {
        var target = cluster.Node(config.SequencerNode);
        var answer = await node.Network.AskAsync(node, target, new SimProbe(), timeout: Microseconds(Options.FirstDialTimeout))
            ?? await node.Network.AskAsync(node, target, new SimProbe(), timeout: Microseconds(Options.RedialTimeout));
        if (answer?.Body is not SimProbeReply reply) return $"node {config.SequencerNode} gives no answer";
        return reply.Incarnation == config.Incarnation || cluster.Mutant == SimMutant.RestartedSequencer ? null : $"node {config.SequencerNode} was restarted";
    }

    private async Task<StatusReply?> StatusAsync(LogletConfig config, ReplicaId replica)
    {
        if (!SimLoglet.IsReplica(cluster, replica)) return null;
        var answer = await node.Network.AskAsync(node, cluster.Node(replica.NodeId), new Status(config.Id), timeout: Microseconds(Options.StatusTimeout));
        return answer?.Body as StatusReply?;
    }

    private async Task<uint[]> SparesAsync(LogletConfig config)
    {
        NodeInfo[] spares = [.. cluster.NodeList.Nodes.Where(n => !config.HasReplica(n.NodeId, n.DiskId))];
        var answers = await Task.WhenAll(spares.Select(n => StatusAsync(config, new ReplicaId(n.NodeId, n.DiskId))).ToArray());
        return [.. spares.Where((_, i) => answers[i] is not null).Select(n => n.NodeId)];
    }

    private Task DelayAsync(TimeSpan time) => node.Delay(Microseconds(time));

    private static long Microseconds(TimeSpan time) => (long)time.TotalMicroseconds;
}
