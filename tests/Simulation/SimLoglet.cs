using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Tests.Simulation;

/// <summary>A Loglet that has a sequencer and replicas, from a client's or reconfigurer's end; as client/Loglets/NativeLoglet.cs, TailProcedure.cs and ReplicaReader.cs.</summary>
internal sealed class SimLoglet(SimProcess me, ClusterSimulation cluster, LogletConfig config) : ISimLoglet
{
    private DateTimeOffset Now => DateTimeOffset.UnixEpoch.AddDays(1) + me.Clock;

    /// <summary>Whatever the config says it is made of.</summary>
    public static ISimLoglet Open(SimProcess me, ClusterSimulation cluster, LogletConfig config) =>
        config.Kind == LogletKind.Striped ? new SimStriped(cluster, [.. config.Stripes.Select(s => new SimLoglet(me, cluster, s))]) : new SimLoglet(me, cluster, config);

    /// <summary>Through the sequencer; if that cannot say, from the replicas.</summary>
    public async Task<(TailOutcome Outcome, long Tail)> CheckTailAsync()
    {
        var answer = await me.Network.AskAsync(me, cluster.Node(config.SequencerNode), new CheckTail(config.Id, config.Incarnation));
        var found = answer?.Body is CheckTailReply { Status: StatusCode.Ok } fast ? (Outcome: TailOutcome.Open, fast.Tail) : await TailAsync(seal: false);
        if (cluster.World.IsDetailed) cluster.World.Tell($"process {me.Id}: tail of {config.Id}: {found.Outcome} {found.Tail}");
        return found;
    }

    public Task<(TailOutcome Outcome, long Tail)> SealAsync() => TailAsync(seal: true);

    private async Task<(TailOutcome Outcome, long Tail)> TailAsync(bool seal)
    {
        var world = cluster.World;
        var finder = new TailFinder(config, cluster.Mutant == SimMutant.EndlessCaseFive ? SimTimes.EndlessCaseFive : SimTimes.Loglet, seal, Now);
        var deadline = world.Now + 1_500_000;
        while (finder.Outcome == TailOutcome.Pending && world.Now < deadline)
        {
            while (finder.TryTakeRequest(out var request))
            {
                var taken = request;
                world.Spawn(() => ExecuteAsync(finder, taken));
            }

            await me.Delay(500);
            finder.OnTick(Now);
        }

        if (finder.Outcome == TailOutcome.MustSealAndExtend) return await TailAsync(seal: true);
        return (finder.Outcome, finder.Tail);
    }

    public async Task<(TailOutcome Outcome, long Tail)> SealWithoutRepairAsync()
    {
        var tails = new List<long>();
        foreach (var replica in config.Replicas)
        {
            if (await AskAsync(replica, new Seal(config)) is { Body: SealReply { Status: StatusCode.Ok } reply }) tails.Add(reply.DurableTail);
        }

        return tails.Count >= config.Quorum ? (TailOutcome.Sealed, tails.Max()) : (TailOutcome.Pending, 0);
    }

    public async Task<long> HighestTailAsync()
    {
        var highest = 0L;
        foreach (var replica in config.Replicas)
        {
            if (await AskAsync(replica, new Status(config.Id)) is { Body: StatusReply { Status: StatusCode.Ok } reply }) highest = Math.Max(highest, reply.DurableTail);
        }

        return highest;
    }

    public async Task<(StatusCode Status, byte[][] Entries, long TrimPoint)> ReadAsync(long min, long max, long bound)
    {
        var status = StatusCode.Unavailable;
        foreach (var replica in config.Replicas.OrderBy(_ => cluster.World.Random.Next()).ToArray())
        {
            if (await AskAsync(replica, new Read(config.Id, min, max, bound, 1000, false)) is not { Body: ReadReply reply } answer) continue;
            if (reply.Status == StatusCode.Ok) return (StatusCode.Ok, SimEntries.Split(answer.Payload!), 0);
            if (reply.Status is StatusCode.Trimmed or StatusCode.Deleted) return (reply.Status, [], reply.TrimPoint);
            status = reply.Status;
        }

        return (status, [], 0);
    }

    public async Task<(StatusCode Status, long First, byte[][] Entries)> FollowAsync(int turn, long min, long stop, bool isFilledBelow)
    {
        var asked = config.Replicas[turn % config.Replicas.Count];
        var answer = IsReplica(cluster, asked) ? await me.Network.AskAsync(me, cluster.Node(asked.NodeId), new SimFollow(config.Id, min, stop)) : null;
        return answer?.Body is SimFollowReply pushed ? (pushed.Status, min, pushed.Count > 0 ? SimEntries.Split(answer.Payload!) : []) : (StatusCode.Unavailable, min, []);
    }

    public async Task<long> TrimAsync(long position, long bound)
    {
        // Past the bound nothing is known to be committed, and past a stop nothing exists (trap 18).
        if (cluster.Mutant == SimMutant.UnboundedTrim) bound = position;
        position = Math.Min(position, bound);
        var points = new List<long>();
        foreach (var replica in config.Replicas)
        {
            if (await AskAsync(replica, new Trim(config.Id, position, bound)) is { Body: TrimReply { Status: StatusCode.Ok } reply }) points.Add(reply.TrimPoint);
        }

        return points.Count >= config.Quorum ? points.OrderDescending().ElementAt(config.Quorum - 1) : -1;
    }

    public async Task DeleteAsync()
    {
        foreach (var replica in config.Replicas) await AskAsync(replica, new DeleteLoglet(config.Id));
    }

    public async Task<SimMessage?> AskAsync(ReplicaId replica, object body, byte[]? payload = null)
    {
        var node = cluster.Node(replica.NodeId);
        return await me.Network.DialAsync(me, node) is not null && IsReplica(cluster, replica) ? await me.Network.AskAsync(me, node, body, payload) : null;
    }

    /// <summary>The hello says which disk answers: another one is another replica.</summary>
    public static bool IsReplica(ClusterSimulation cluster, ReplicaId replica) => cluster.Node(replica.NodeId).Disk.DiskId == replica.DiskId || cluster.Mutant == SimMutant.WipedDisk;

    private async Task ExecuteAsync(TailFinder finder, TailRequest request)
    {
        var replica = config.Replicas[request.Replica];
        var world = cluster.World;
        object body = request.Kind switch
        {
            TailRequestKind.Status => new Status(config.Id),
            TailRequestKind.Seal => new Seal(config),
            TailRequestKind.Jump => new Trim(config.Id, request.First, request.First),
            _ => new Read(config.Id, request.First, request.End, request.End, 1000, true),
        };
        if (request.Kind == TailRequestKind.Copy)
        {
            if (await AskAsync(config.Replicas[request.Source], body) is not { Body: ReadReply read } source) finder.OnSourceFailed(request, false, Now);
            else if (read.Status == StatusCode.Trimmed) finder.OnSourceTrimmed(request, read.TrimPoint, Now);
            else if (read.Status != StatusCode.Ok || read.Count == 0) finder.OnSourceFailed(request, read.Status == StatusCode.Corrupt, Now);
            else if (await AskAsync(replica, new Repair(config, read.First, read.Count), source.Payload) is { Body: RepairReply repaired }) finder.OnMoved(request, repaired.Status, repaired.DurableTail, Now);
            else finder.OnFailed(request, Now);
            return;
        }

        switch ((await AskAsync(replica, body))?.Body)
        {
            case StatusReply reply: finder.OnStatus(request, reply, Now); break;
            case SealReply reply: finder.OnSealed(request, reply, Now); break;
            case TrimReply reply: finder.OnMoved(request, reply.Status, reply.TrimPoint, Now); break;
            default: finder.OnFailed(request, Now); break;
        }
    }
}
