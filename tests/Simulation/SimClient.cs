using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Tests.Simulation;

/// <summary>One application: appends (<see cref="SimAppender"/>), follows (<see cref="SimFollower"/>), asks for the tail, reads, trims; as client/VirtualLogs has it.</summary>
internal sealed class SimClient : SimProcess
{
    private readonly ClusterSimulation _cluster;
    private readonly SimMetaClient _meta;
    private readonly SimReconfigurer _reconfigurer;
    private readonly SimAppender _appender;
    private readonly SimFollower _follower;
    private Chain? _chain;

    public SimClient(ClusterSimulation cluster, int id, string log)
        : base(cluster.World, cluster.Network, id)
    {
        _cluster = cluster;
        Log = log;
        _meta = new SimMetaClient(this, cluster);
        _reconfigurer = new SimReconfigurer(this, cluster, _meta);
        _appender = new SimAppender(this, cluster);
        _follower = new SimFollower(this, cluster);
    }

    public string Log { get; }

    public SimAppender Appender => _appender;

    public SimFollower Follower => _follower;

    public SimReconfigurer Reconfigurer => _reconfigurer;

    /// <summary>The newest chain that it knows.</summary>
    public Chain? Newest => _chain;

    public bool IsStopping { get; set; }

    /// <summary>Extends the chain itself when nobody else does.</summary>
    public bool RollsForward { get; set; } = true;

    public bool IsScripted { get; private set; }

    /// <summary>A replica of a state machine appends, follows and trims through it.</summary>
    public bool IsOfReplica { get; init; }

    public long AppendedAt => _appender.AppendedAt;

    public long TailAt { get; private set; } = -1;

    public int Unresolved => _appender.Unresolved;

    /// <summary>Its last checkTail, read and trim are over: a trim that ends later would look like a loss to the audit.</summary>
    public bool HasStopped { get; private set; }

    public string State => $"{Log} client {Id}: {_appender.State}, last tail {TailAt / 1000} ms, followed up to {_follower.Position}";

    /// <param name="creates">The policy by which it creates the log; null: another one does.</param>
    /// <param name="isScripted">Appends on request only, and does nothing else of its own accord, until <see cref="GoOn"/>; never trims, which would hide a loss.</param>
    public void Begin(LogPolicy? creates, bool isScripted)
    {
        World.Spawn(async () =>
        {
            if (creates is not null) await _reconfigurer.CreateAsync(Log, creates);
            World.Spawn(_appender.RunAsync);
            if (!isScripted) GoOn();
        });
        IsScripted = isScripted;
    }

    public void GoOn()
    {
        World.Spawn(TailLoopAsync);
        if (!IsOfReplica) World.Spawn(_follower.RunAsync);
    }

    public async Task<Chain> ChainAsync(Segment? after = null)
    {
        while (true)
        {
            var chain = await _meta.ReadAsync(Log);
            if (chain is not null) Offer(chain);
            if (_chain is not null && chain is not null && _chain.Active.InstallId != after?.InstallId) return _chain;
            await Delay(2_000 + World.Random.Next(8_000));
            if (after is not null) return _chain!;
        }
    }

    public async Task<long> CheckTailAsync()
    {
        while (true)
        {
            var chain = _chain ?? await ChainAsync();
            var segment = chain.Active;
            var (outcome, tail) = await SimLoglet.Open(this, _cluster, segment.Loglet).CheckTailAsync();
            if (outcome == TailOutcome.Open || (outcome == TailOutcome.Sealed && _cluster.Mutant == SimMutant.SealedTailLeaks)) return segment.Start + tail;
            if (outcome == TailOutcome.Sealed) await SuccessorAsync(segment);
            else await ChainAsync();
        }
    }

    /// <summary>CheckTail, held against what was promised before.</summary>
    public async Task<long> ObserveTailAsync()
    {
        var promised = _cluster.Checks.Promised(Log);
        var tail = await CheckTailAsync();
        _cluster.Checks.OnTail(Log, tail, promised);
        TailAt = World.Now;
        return tail;
    }

    public async Task<AppendId[]> ReadAsync(long from, long to)
    {
        var ids = new List<AppendId>();
        while (from < to)
        {
            var chain = _chain ?? await ChainAsync();
            if (chain.Find(from) is not { } segment)
            {
                if (from >= _cluster.Checks.Trimmed(Log)) World.Violate($"{Log}: {from} is below the chain's start, which nobody asked for");
                return [.. ids];
            }

            var end = Math.Min(to, segment.Stop ?? to);
            var (status, entries, trim) = await SimLoglet.Open(this, _cluster, segment.Loglet).ReadAsync(from - segment.Start, end - segment.Start, (segment.Stop ?? end) - segment.Start);
            if (status == StatusCode.Trimmed)
            {
                if (from >= _cluster.Checks.Trimmed(Log)) World.Violate($"{Log}: {from} is trimmed up to {trim}, which nobody asked for");
                return [.. ids];
            }

            if (status != StatusCode.Ok || entries.Length == 0)
            {
                await Delay(10_000);
                await ChainAsync();
                continue;
            }

            if (World.IsDetailed) World.Tell($"client {Id}: reads [{from}, {from + entries.Length})");
            foreach (var entry in entries)
            {
                var id = SimEntries.Ids(entry)[0];
                _cluster.Checks.OnRead(Log, from++, id);
                ids.Add(id);
            }
        }

        return [.. ids];
    }

    /// <summary>A chain in which the segment is not active any more; extends it if nobody else does.</summary>
    public async Task<Chain> SuccessorAsync(Segment segment)
    {
        var rollAt = World.Now + SimTimes.RollForwardAfter + World.Random.Next(60_000);
        while (true)
        {
            var chain = await ChainAsync(segment);
            if (chain.Active.InstallId != segment.InstallId) return chain;
            if (World.Now < rollAt || !RollsForward || _cluster.Mutant == SimMutant.NoRollForward) continue;
            if (await _reconfigurer.ExtendAsync(Log, segment.Loglet.Id) is { } extended) Offer(extended);
            rollAt = World.Now + World.Random.Next(60_000);
        }
    }

    protected override void Receive(SimConnection connection, SimMessage message)
    {
        if (message.Body is AppendReply reply) _appender.OnReply(reply);
    }

    protected override void Closed(SimConnection connection) => _appender.OnClosed(connection);

    private void Offer(Chain chain)
    {
        if (_chain is null || chain.Version > _chain.Version) _chain = chain;
    }

    private async Task TailLoopAsync()
    {
        while (!IsStopping)
        {
            var tail = await ObserveTailAsync();
            if (!IsOfReplica && World.Chance(30) && tail > 0)
            {
                var from = Math.Max(_cluster.Checks.Trimmed(Log), World.Random.NextInt64(tail));
                if (from < tail) await ReadAsync(from, Math.Min(tail, from + 30));
            }

            if (World.Chance(3) && !IsScripted && !IsOfReplica && tail > 40) await TrimAsync(World.Random.NextInt64(tail - 30 + (World.Chance(20) ? 60 : 0)), tail);
            await Delay(World.Random.Next(25_000));
        }

        HasStopped = true;
    }

    /// <summary>As VirtualLog.TrimAsync: Loglet by Loglet, each at most to its stop, the active one at most to its tail; stops where one gives up less than asked.</summary>
    /// <returns>The point achieved.</returns>
    public async Task<long> TrimAsync(long position, long tail)
    {
        var chain = await ChainAsync();
        var target = _cluster.Mutant == SimMutant.UnboundedTrim ? position : Math.Min(position, tail);
        _cluster.Checks.OnTrim(Log, position);
        var achieved = chain.Start;
        foreach (var segment in chain.Segments)
        {
            if (target <= segment.Start) break;
            var end = segment.Stop ?? Math.Max(tail, segment.Start);
            var wanted = (_cluster.Mutant == SimMutant.UnboundedTrim ? target : Math.Min(target, end)) - segment.Start;
            achieved = segment.Start;
            if (wanted > 0 && await SimLoglet.Open(this, _cluster, segment.Loglet).TrimAsync(wanted, end - segment.Start) is >= 0 and var point) achieved += point;
            if (achieved < segment.Start + wanted) break;
        }

        _cluster.Checks.OnTrimmed(Log, achieved);
        return achieved;
    }
}
