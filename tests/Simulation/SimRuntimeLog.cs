using Delos.Client;
using Delos.Protocol.Framing;

namespace Delos.Tests.Simulation;

/// <summary>The log as a replica of a state machine uses it, as client/DelosLog.cs: appends its entries exactly once, asks for the tail, follows, and learns how far it was trimmed.</summary>
internal sealed class SimRuntimeLog(SimClient me, ClusterSimulation cluster)
{
    private const int TurnOfReplica = 4;
    private const int IdleTurns = 6;
    private int _turn = cluster.World.Random.Next(100);
    private int _idle;
    private long _readTo = -1;

    /// <summary>Where it is; null: not known, or refused.</summary>
    public Task<long?> AppendAsync(byte[] entry) => me.Appender.AppendAsync(cluster.Contents.Add(entry));

    /// <summary>As DelosLog.KnownVersion.</summary>
    public ulong? KnownVersion => me.Newest?.Version;

    public Task<long> CheckTailAsync() => me.ObserveTailAsync();

    /// <summary>What lies at a position and behind it, possibly nothing yet. Null: that position was trimmed, and the log begins at <c>First</c>.</summary>
    public async Task<(LogBatch? Batch, long First)> NextAsync(long position)
    {
        var chain = me.Newest ?? await me.ChainAsync();
        if (position < chain.Start) return (null, chain.Start);
        var segment = chain.Find(position)!;
        var (_, first, entries) = await SimLoglet.Open(me, cluster, segment.Loglet).FollowAsync(_turn / TurnOfReplica, position - segment.Start, segment.Stop - segment.Start ?? -1, position == _readTo);
        if (entries.Length > 0) return (Show(segment.Start + first, entries), 0);
        _turn++;
        return ++_idle % IdleTurns == 0 ? await ReadAsync(position) : (new LogBatch([], position), 0);
    }

    /// <summary>The chain anew: an entry in front of which the replica stands may have been edited.</summary>
    public Task RefreshAsync() => me.ChainAsync();

    public async Task<long> TrimAsync(long position) => await me.TrimAsync(position, await me.CheckTailAsync());

    /// <summary>A follower to whom nothing comes cannot tell whether there is nothing; a read below the tail is answered.</summary>
    private async Task<(LogBatch? Batch, long First)> ReadAsync(long position)
    {
        await me.ChainAsync();
        var tail = await me.CheckTailAsync();
        var chain = me.Newest!;
        if (position < chain.Start) return (null, chain.Start);
        var segment = chain.Find(position)!;
        var end = Math.Min(tail, segment.Stop ?? tail);
        if (position >= end) return (new LogBatch([], position), 0);
        var (status, entries, trim) = await SimLoglet.Open(me, cluster, segment.Loglet).ReadAsync(position - segment.Start, end - segment.Start, (segment.Stop ?? end) - segment.Start);
        if (status == StatusCode.Trimmed) return (null, segment.Start + trim);
        return (status == StatusCode.Ok ? Show(position, entries) : new LogBatch([], position), 0);
    }

    private LogBatch Show(long first, byte[][] entries)
    {
        var shown = new List<LogEntry>();
        foreach (var entry in entries)
        {
            cluster.Checks.OnRead(me.Log, first, SimEntries.Ids(entry)[0]);
            if (cluster.Contents.Show(first, entry) is { } visible) shown.Add(visible);
            first++;
        }

        if (entries.Length > 0) _idle = 0;
        return new LogBatch(shown, _readTo = first);
    }
}
