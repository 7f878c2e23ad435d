using Delos.Daemon.Monitoring;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Tests.Simulation;

/// <summary>As daemon/Monitoring/RefillWorker.cs: what this LogServer lacks by <see cref="RefillPlan"/>, newest segment first, is fetched from the other replicas.</summary>
internal sealed class SimRefiller(SimNode node, ClusterSimulation cluster)
{
    private const long OpenGrace = 40_000;
    private readonly SimMetaClient _meta = new(node, cluster);
    private readonly Dictionary<LogletId, (long Tail, TimeSpan Since)> _open = [];

    /// <summary>Until the process dies.</summary>
    public void Start() => node.World.Spawn(async () =>
    {
        while (true)
        {
            await node.Delay(OpenGrace + node.World.Random.Next(60_000));
            foreach (var log in cluster.Logs)
            {
                while (await _meta.ReadAsync(log) is { } chain && await RefillMostUrgentAsync(chain))
                {
                }
            }
        }
    });

    private async Task<bool> RefillMostUrgentAsync(Chain chain)
    {
        foreach (var part in chain.Segments.Reverse().SelectMany(static s => s.Parts))
        {
            if (!part.Loglet.HasReplica((uint)node.Id, node.Disk.DiskId)) continue;
            if (RefillPlan.Make(part, node.Snapshot(part.Loglet.Id)) is not { } plan)
            {
                _open.Remove(part.Loglet.Id);
                continue;
            }

            if (plan.Stop is null && plan.Damaged.Count == 0 && !StoodStill(plan)) continue;
            _open.Remove(part.Loglet.Id);
            if (await RefillAsync(plan)) return true;
        }

        return false;
    }

    private bool StoodStill(RefillPlan plan)
    {
        if (!_open.TryGetValue(plan.Config.Id, out var seen) || seen.Tail != plan.From)
        {
            _open[plan.Config.Id] = (plan.From, node.Clock);
            return false;
        }

        return node.Clock - seen.Since >= TimeSpan.FromMicroseconds(OpenGrace);
    }

    /// <summary>True if something was copied.</summary>
    private async Task<bool> RefillAsync(RefillPlan plan)
    {
        var id = plan.Config.Id;
        if (node.World.IsDetailed) node.World.Tell($"node {node.Id}: refills {id} from {plan.From} to {plan.To}, {plan.Damaged.Count} damaged ranges{(plan.MustSeal ? ", seals it" : "")}");
        if (plan.MustSeal && await node.SealHereAsync(plan.Config) != StatusCode.Ok) return false;
        var copied = false;
        node.World.Count(plan.HasHiddenTail ? "refill of a hidden tail" : plan.Damaged.Count > 0 ? "refill of damage" : plan.Stop is null ? "refill of an open replica" : "refill of a stopped one");
        if (await CopyTailAsync(plan, () => copied = true) && await PatchAllAsync(plan, () => copied = true) && plan is { HasHiddenTail: true, Stop: { } stop }) node.Replica(id)?.TailFound(stop);
        return copied;
    }

    private async Task<bool> CopyTailAsync(RefillPlan plan, Action copied)
    {
        var retries = 0;
        for (var position = node.Replica(plan.Config.Id)?.DurableTail ?? plan.From; position < plan.To;)
        {
            var (status, first, count, payload) = await ReadAsync(plan, position, plan.To);
            if (status == StatusCode.Trimmed && first > position)
            {
                position = Math.Min(first, plan.To);
                if (!await TrimAsync(plan, position)) return false;
                continue;
            }

            if (status != StatusCode.Ok || count == 0 || first != position || node.Find(plan.Config.Id) is not { } replica) return false;
            var done = new TaskCompletionSource<StatusCode>();
            replica.Refill(first, count, payload, done.SetResult);
            var taken = await done.Task;
            if (taken == StatusCode.OutOfOrder && retries++ < 3)
            {
                position = replica.Core.DurableTail;
                continue;
            }

            if (taken != StatusCode.Ok) return false;
            position += count;
            copied();
        }

        return true;
    }

    private async Task<bool> PatchAllAsync(RefillPlan plan, Action copied)
    {
        foreach (var range in plan.Damaged)
        {
            for (var position = range.First; position < range.End;)
            {
                var (status, first, count, payload) = await ReadAsync(plan, position, range.End);
                if (status == StatusCode.Trimmed && first > position) return await TrimAsync(plan, Math.Min(first, plan.Bound));
                if (status != StatusCode.Ok || count == 0 || first != position || node.Find(plan.Config.Id) is not { } replica) return false;
                var done = new TaskCompletionSource<StatusCode>();
                replica.Patch(first, count, payload, done.SetResult);
                if (await done.Task != StatusCode.Ok) return false;
                position += count;
                copied();
            }
        }

        return true;
    }

    private async Task<bool> TrimAsync(RefillPlan plan, long position)
    {
        if (node.Find(plan.Config.Id) is not { } replica) return false;
        var done = new TaskCompletionSource<object>();
        replica.Trim(new Trim(plan.Config.Id, position, plan.Bound), done.SetResult);
        return await done.Task is TrimReply { Status: StatusCode.Ok } reply && reply.TrimPoint >= position;
    }

    /// <summary>From the first peer that has them.</summary>
    private async Task<(StatusCode Status, long First, uint Count, byte[] Payload)> ReadAsync(RefillPlan plan, long min, long max)
    {
        var last = StatusCode.Unavailable;
        foreach (var peer in plan.Config.Replicas.OrderBy(_ => node.World.Random.Next()).ToArray())
        {
            if (peer.NodeId == node.Id || !SimLoglet.IsReplica(cluster, peer)) continue;
            var answer = await node.Network.AskAsync(node, cluster.Node(peer.NodeId), new Read(plan.Config.Id, min, max, plan.Bound, 1000, false));
            if (answer?.Body is not ReadReply reply) continue;
            if (reply.Status == StatusCode.Ok && reply.Count > 0) return (StatusCode.Ok, reply.First, reply.Count, answer.Payload!);
            if (reply.Status == StatusCode.Trimmed) return (StatusCode.Trimmed, reply.TrimPoint, 0, []);
            last = reply.Status;
        }

        return (last, min, 0, []);
    }
}
