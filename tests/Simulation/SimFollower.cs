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
    private long _readTo;

    /// <summary>The next one that it wants.</summary>
    public long Position { get; set; }

    public async Task RunAsync()
    {
        while (true)
        {
            if (!await TurnAsync(_turn / TurnOfReplica)) _turn++;
            await me.Delay(3_000 + me.World.Random.Next(10_000));
        }
    }

    /// <summary>Asks one replica, of each stripe, for what it would push; false: nothing came.</summary>
    public async Task<bool> TurnAsync(int turn)
    {
        var chain = me.Newest ?? await me.ChainAsync();
        Position = Math.Max(Position, Math.Max(chain.Start, cluster.Checks.Trimmed(me.Log)));
        var segment = chain.Find(Position)!;
        var (_, first, entries) = await SimLoglet.Open(me, cluster, segment.Loglet).FollowAsync(turn, Position - segment.Start, segment.Stop - segment.Start ?? -1, Position == _readTo);
        if (entries.Length == 0)
        {
            if (me.World.Chance(20)) await me.ChainAsync();
            return false;
        }

        Position = segment.Start + first;
        if (me.World.IsDetailed) me.World.Tell($"client {me.Id}: follows [{Position}, {Position + entries.Length})");
        foreach (var entry in entries) cluster.Checks.OnRead(me.Log, Position++, SimEntries.Ids(entry)[0]);
        _readTo = Position;
        return true;
    }
}

/// <summary>What a subscription that stands at <paramref name="Min"/> would be pushed; <paramref name="Stop"/> -1: the segment is open.</summary>
internal sealed record SimFollow(Delos.Protocol.Identity.LogletId Loglet, long Min, long Stop);

internal sealed record SimFollowReply(StatusCode Status, int Count);
