using Delos.Client;
using Delos.Client.Loglets;
using Delos.Client.VirtualLogs;
using Delos.Protocol.Chains;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Tests.Simulation;

/// <summary>One application: appends (exactly once, as Appender, SequencerLink and AppendMover do), checkTail, reads, trims.</summary>
internal sealed class SimClient : SimProcess
{
    private readonly ClusterSimulation _cluster;
    private readonly SimMetaClient _meta;
    private readonly SimReconfigurer _reconfigurer;
    private readonly ulong _client;
    private readonly SortedDictionary<ulong, (AppendLifecycle Append, long Promised)> _open = [];
    private Chain? _chain;
    private Segment? _segment;
    private SimConnection? _connection;
    private ulong _next = 1;
    private long _knownTail;
    private long _progressAt;
    private bool _sealed;
    private bool _lost;

    public SimClient(ClusterSimulation cluster, int id, string log)
        : base(cluster.World, cluster.Network, id)
    {
        _cluster = cluster;
        _client = cluster.World.NewId();
        Log = log;
        _meta = new SimMetaClient(this, cluster);
        _reconfigurer = new SimReconfigurer(this, cluster, _meta);
    }

    public string Log { get; }

    public bool IsStopping { get; set; }

    public long AppendedAt { get; private set; } = -1;

    public long TailAt { get; private set; } = -1;

    public int Unresolved => _open.Count;

    /// <summary>Its last checkTail, read and trim are over: a trim that ends later would look like a loss to the audit.</summary>
    public bool HasStopped { get; private set; }

    public string State => $"{Log} client {Id}: {string.Join(", ", _open.Values.Take(3).Select(a => $"{a.Append.Sequence} {a.Append.State}"))}, last append {AppendedAt / 1000} ms, last tail {TailAt / 1000} ms";

    public SimReconfigurer Reconfigurer => _reconfigurer;

    private SimMutant Mutant => _cluster.Mutant;

    public void Begin(bool creates)
    {
        World.Spawn(async () =>
        {
            if (creates) await _reconfigurer.CreateAsync(Log);
            World.Spawn(AppendLoopAsync);
            World.Spawn(TailLoopAsync);
        });
    }

    public async Task<Chain> ChainAsync(Segment? after = null)
    {
        while (true)
        {
            var chain = await _meta.ReadAsync(Log);
            if (chain is not null && (_chain is null || chain.Version > _chain.Version)) _chain = chain;
            if (_chain is not null && chain is not null && _chain.Active.InstallId != after?.InstallId) return _chain;
            await World.Delay(2_000 + World.Random.Next(8_000));
            if (after is not null) return _chain!;
        }
    }

    public async Task<long> CheckTailAsync()
    {
        while (true)
        {
            var chain = _chain ?? await ChainAsync();
            var segment = chain.Active;
            var answer = await Network.AskAsync(this, _cluster.Node(segment.Loglet.SequencerNode), new CheckTail(segment.Loglet.Id, segment.Loglet.Incarnation));
            if (answer?.Body is CheckTailReply { Status: StatusCode.Ok } fast) return segment.Start + fast.Tail;
            var (outcome, tail) = await new SimLoglet(this, _cluster, segment.Loglet).TailAsync(seal: false);
            if (outcome == TailOutcome.Open || (outcome == TailOutcome.Sealed && Mutant == SimMutant.SealedTailLeaks)) return segment.Start + tail;
            if (outcome == TailOutcome.Sealed) await SuccessorAsync(segment);
            else await ChainAsync();
        }
    }

    public async Task<AppendId[]> ReadAsync(long from, long to)
    {
        var ids = new List<AppendId>();
        while (from < to)
        {
            var chain = _chain ?? await ChainAsync();
            var segment = chain.Find(from)!;
            var end = Math.Min(to, segment.Stop ?? to);
            var (status, entries, trim) = await new SimLoglet(this, _cluster, segment.Loglet).ReadAsync(from - segment.Start, end - segment.Start, (segment.Stop ?? end) - segment.Start);
            if (status == StatusCode.Trimmed)
            {
                if (from >= _cluster.Checks.Trimmed(Log)) World.Violate($"{Log}: {from} is trimmed up to {trim}, which nobody asked for");
                return [.. ids];
            }

            if (status != StatusCode.Ok || entries.Length == 0)
            {
                await World.Delay(10_000);
                await ChainAsync();
                continue;
            }

            foreach (var entry in entries)
            {
                var id = SimEntries.Ids(entry)[0];
                _cluster.Checks.OnRead(Log, from++, id);
                ids.Add(id);
            }
        }

        return [.. ids];
    }

    protected override void Receive(SimConnection connection, SimMessage message)
    {
        if (message.Body is not AppendReply reply || _segment is not { } segment || reply.Loglet != segment.Loglet.Id) return;
        _progressAt = World.Now;
        if (reply.Status == StatusCode.WrongIncarnation || reply.Status == StatusCode.NotFound)
        {
            if (Mutant == SimMutant.RestartedSequencer && reply.Status == StatusCode.NotFound) World.Spawn(() => Network.AskAsync(this, _cluster.Node(segment.Loglet.SequencerNode), new OpenLoglet(segment.Loglet)));
            else _lost = true;
            return;
        }

        if (reply.Status == StatusCode.Ok) _knownTail = Math.Max(_knownTail, Math.Max(reply.GlobalTail, reply.FirstPosition + reply.Count));
        for (var i = 0u; i < reply.Count; i++)
        {
            var sequence = reply.FirstSequence + i;
            if (!_open.TryGetValue(sequence, out var open) || open.Append.State != AppendState.Sent) continue;
            var named = reply.FirstPosition < 0 ? -1 : reply.FirstPosition + i;
            switch (reply.Status)
            {
                case StatusCode.Ok: open.Append.OnAcknowledged(named); break;
                case StatusCode.Sealed:
                    _sealed = true;
                    open.Append.OnGivenBack(named);
                    break;
                case StatusCode.DiskFull:
                    open.Append.OnRefused(DelosErrorCode.Unavailable);
                    _cluster.Checks.OnRefused(Log, new AppendId(_client, sequence));
                    break;
                case StatusCode.BelowFloor:
                    World.Violate($"{Log}: {sequence} of client {Id} is unresolved and below its floor");
                    break;
                default:
                    _lost = true;
                    open.Append.OnGivenBack(named);
                    break;
            }
        }

        Settle();
    }

    protected override void Closed(SimConnection connection)
    {
        if (_connection == connection) _connection = null;
    }

    private void Settle()
    {
        foreach (var (sequence, (append, promised)) in _open.ToArray())
        {
            if (!append.IsOver) continue;
            _open.Remove(sequence);
            if (append.State == AppendState.Failed)
            {
                if (append.Failure == DelosErrorCode.OutcomeUnknown) _cluster.Checks.Unknown++;
                continue;
            }

            _cluster.Checks.OnAcknowledged(Log, new AppendId(_client, sequence), append.Position, promised);
            AppendedAt = World.Now;
        }
    }

    private async Task AppendLoopAsync()
    {
        while (!IsStopping || _open.Count > 0)
        {
            if (_segment is null) Use((await ChainAsync()).Active);
            if (_chain!.Active.InstallId != _segment!.InstallId) _sealed = true;
            if (_sealed || _lost || (_open.Values.Any(a => a.Append.State == AppendState.Sent) && World.Now - _progressAt > SimTimes.AppendPatience)) await MoveAsync();
            if (_connection is not { IsClosed: false })
            {
                _connection = await Network.DialAsync(this, _cluster.Node(_segment!.Loglet.SequencerNode));
                if (_connection is null)
                {
                    _lost = true;
                    await World.Delay(2_000);
                    continue;
                }

                // A new connection: all that is unanswered is sent again, to the same incarnation.
                Send(_open.Values.Where(a => a.Append.State == AppendState.Sent).Select(a => a.Append));
            }

            for (var i = IsStopping || _open.Count >= 10 ? 0 : World.Random.Next(3); i > 0; i--)
            {
                var append = new AppendLifecycle();
                append.Begin(_next);
                _open[_next++] = (append, _cluster.Checks.Promised(Log));
            }

            if (_open.Values.All(a => a.Append.State != AppendState.Sent)) _progressAt = World.Now;
            var ready = _open.Values.Select(a => a.Append).Where(a => a.State == AppendState.Ready || (a.State == AppendState.Parked && a.Segment!.InstallId == _segment!.InstallId)).ToArray();
            foreach (var append in ready) append.OnSend(_segment!, _knownTail);
            Send(ready);
            await World.Delay(200 + World.Random.Next(4_000));
        }
    }

    private void Use(Segment segment)
    {
        if (_segment?.InstallId != segment.InstallId) _knownTail = 0;
        _segment = segment;
        _connection = null;
        _sealed = false;
        _lost = false;
        _progressAt = World.Now;
    }

    private void Send(IEnumerable<AppendLifecycle> appends)
    {
        var sent = appends.Select(a => a.Sequence).ToArray();
        if (sent.Length == 0 || _connection is null) return;
        var loglet = _segment!.Loglet;
        byte[] payload = [.. sent.SelectMany(s => SimEntries.Encode(new AppendId(_client, s)))];
        Network.Send(_connection, this, new SimMessage(new Append(loglet.Id, loglet.Incarnation, _client, _open.Keys.First(), (uint)sent.Length), payload, 0, false));
    }

    private async Task MoveAsync()
    {
        var old = _segment!;
        foreach (var (append, _) in _open.Values)
        {
            if (append.State == AppendState.Sent) append.OnGivenBack(-1);
        }

        if (Mutant == SimMutant.AbsenceWithoutStop) await ResolveAsync(old with { Stop = old.Start + _knownTail });
        if (!_sealed && World.Chance(50))
        {
            // The sequencer may be merely out of reach: resend to the same Loglet, which knows the appends by their ids.
            var chain = await ChainAsync();
            if (chain.Active.InstallId == old.InstallId && World.Chance(50))
            {
                Use(old);
                await World.Delay(10_000);
                return;
            }
        }

        var newest = await SuccessorAsync(old);
        if (newest.FindByInstallId(old.InstallId) is { } stopped) await ResolveAsync(stopped);
        Settle();
        Use(_chain!.Active);
    }

    private async Task<Chain> SuccessorAsync(Segment segment)
    {
        var rollAt = World.Now + SimTimes.RollForwardAfter + World.Random.Next(60_000);
        while (true)
        {
            var chain = await ChainAsync(segment);
            if (chain.Active.InstallId != segment.InstallId) return chain;
            if (World.Now < rollAt || Mutant == SimMutant.NoRollForward) continue;
            if (await _reconfigurer.ExtendAsync(Log, segment.Loglet.Id) is { } extended && (_chain is null || extended.Version > _chain.Version)) _chain = extended;
            rollAt = World.Now + World.Random.Next(60_000);
        }
    }

    private async Task ResolveAsync(Segment segment)
    {
        var parked = _open.Values.Select(a => a.Append).Where(a => a.State == AppendState.Parked).ToArray();
        if (parked.Length == 0) return;
        if (Mutant == SimMutant.BlindRetry)
        {
            foreach (var append in parked) append.OnAbsent();
            return;
        }

        var resolver = new AppendResolver(segment, _client, parked);
        var loglet = new SimLoglet(this, _cluster, segment.Loglet);
        var position = resolver.From;
        while (!resolver.IsDone && position < resolver.To)
        {
            var (status, entries, trim) = await loglet.ReadAsync(position, resolver.To, segment.Stop!.Value - segment.Start);
            if (status == StatusCode.Trimmed)
            {
                position = Math.Max(position + 1, trim);
                resolver.OnTrimmed(position);
                continue;
            }

            if (status != StatusCode.Ok || entries.Length == 0) await World.Delay(10_000);
            foreach (var entry in entries) resolver.OnEntry(position++, SimEntries.Ids(entry)[0]);
        }

        resolver.OnEnd();
    }

    private async Task TailLoopAsync()
    {
        while (!IsStopping)
        {
            var promised = _cluster.Checks.Promised(Log);
            var tail = await CheckTailAsync();
            _cluster.Checks.OnTail(Log, tail, promised);
            TailAt = World.Now;
            if (World.Chance(30) && tail > 0)
            {
                var from = Math.Max(_cluster.Checks.Trimmed(Log), World.Random.NextInt64(tail));
                if (from < tail) await ReadAsync(from, Math.Min(tail, from + 30));
            }

            if (World.Chance(3) && tail > 40) await TrimAsync(World.Random.NextInt64(tail - 30), tail);
            await World.Delay(World.Random.Next(25_000));
        }

        HasStopped = true;
    }

    private async Task TrimAsync(long position, long tail)
    {
        _cluster.Checks.OnTrim(Log, position);
        foreach (var segment in (_chain ?? await ChainAsync()).Segments)
        {
            if (segment.Start >= position) break;
            var bound = (segment.Stop ?? tail) - segment.Start;
            await new SimLoglet(this, _cluster, segment.Loglet).TrimAsync(Math.Min(position - segment.Start, bound), bound);
        }
    }
}
