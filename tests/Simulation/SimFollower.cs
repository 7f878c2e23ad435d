using Delos.Protocol.Framing;

namespace Delos.Tests.Simulation;

/// <summary>
/// Follows the log of one client: in the open segment what a LogServer pushes to subscribers, which is what lies below its known global tail; in a stopped one up to the stop. As client/Loglets/LogletFollower.cs
/// and daemon/LogServers/Subscription.cs, by asking again and again instead of being pushed to.
/// </summary>
internal sealed class SimFollower(SimClient me, ClusterSimulation cluster)
{
    private const int TurnOfReplica = 4;
    private int _turn = cluster.World.Random.Next(100);

    /// <summary>The next one that it wants.</summary>
    public long Position { get; private set; }

    public async Task RunAsync()
    {
        while (true)
        {
            if (!await TurnAsync(_turn / TurnOfReplica)) _turn++;
            await me.Delay(3_000 + me.World.Random.Next(10_000));
        }
    }

    /// <summary>Asks one replica for what it would push; false: nothing came.</summary>
    public async Task<bool> TurnAsync(int replica)
    {
        var chain = me.Newest ?? await me.ChainAsync();
        Position = Math.Max(Position, Math.Max(chain.Start, cluster.Checks.Trimmed(me.Log)));
        var segment = chain.Find(Position)!;
        var loglet = segment.Loglet;
        var asked = loglet.Replicas[replica % loglet.Replicas.Count];
        var stop = segment.Stop - segment.Start ?? -1;
        if (!SimLoglet.IsReplica(cluster, asked)) return false;
        var answer = await me.Network.AskAsync(me, cluster.Node(asked.NodeId), new SimFollow(loglet.Id, Position - segment.Start, stop));
        if (answer?.Body is not SimFollowReply { Status: StatusCode.Ok, Count: > 0 })
        {
            if (me.World.Chance(20)) await me.ChainAsync();
            return false;
        }

        foreach (var entry in SimEntries.Split(answer.Payload!)) cluster.Checks.OnRead(me.Log, Position++, SimEntries.Ids(entry)[0]);
        return true;
    }
}

/// <summary>What a subscription that stands at <paramref name="Min"/> would be pushed; <paramref name="Stop"/> -1: the segment is open.</summary>
internal sealed record SimFollow(Delos.Protocol.Identity.LogletId Loglet, long Min, long Stop);

internal sealed record SimFollowReply(StatusCode Status, int Count);
