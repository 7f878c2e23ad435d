using Delos.Client;
using Delos.Client.VirtualLogs;
using Delos.Protocol.Chains;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Tests.Simulation;

/// <summary>The appends of one client, exactly once: as client/VirtualLogs/Appender.cs, AppendMover.cs and client/Loglets/SequencerLink.cs have it.</summary>
internal sealed class SimAppender(SimClient me, ClusterSimulation cluster)
{
    private ulong _client = cluster.World.NewId();
    private readonly SortedDictionary<ulong, (AppendLifecycle Append, long Promised)> _open = [];
    private Segment? _segment;
    private SimConnection? _connection;
    private ulong _next = 1;
    private long _knownTail;
    private long _progressAt;
    private bool _sealed;
    private bool _lost;

    /// <summary>How many appends may still be begun.</summary>
    public long Quota { get; set; }

    /// <summary>How long an append stays unanswered before the client does something about it.</summary>
    public long Patience { get; set; } = SimTimes.AppendPatience;

    public long AppendedAt { get; private set; } = -1;

    public int Unresolved => _open.Count;

    public string State => $"{string.Join(", ", _open.Values.Take(3).Select(a => $"{a.Append.Sequence} {a.Append.State}"))}, last append {AppendedAt / 1000} ms";

    private SimWorld World => me.World;

    private SimMutant Mutant => cluster.Mutant;

    public async Task RunAsync()
    {
        while (!me.IsStopping || _open.Count > 0)
        {
            if (Quota == 0 && _open.Count == 0)
            {
                await me.Delay(500);
                continue;
            }

            // The application closes its handle and opens another one.
            if (_open.Count == 0 && !me.IsScripted && World.Random.Next(100) == 0) (_client, _next) = (World.NewId(), 1);
            if (_segment is null) Use((await me.ChainAsync()).Active);
            if (me.Newest!.Active.InstallId != _segment!.InstallId) _sealed = true;
            if (_sealed || _lost || (_open.Values.Any(a => a.Append.State == AppendState.Sent) && World.Now - _progressAt > Patience)) await MoveAsync();
            if (_connection is not { IsClosed: false })
            {
                _connection = await me.Network.DialAsync(me, cluster.Node(_segment!.Loglet.SequencerNode));
                if (_connection is null)
                {
                    _lost = true;
                    await me.Delay(2_000);
                    continue;
                }

                // A new connection: all that is unanswered is sent again, to the same incarnation.
                Send(_open.Values.Where(a => a.Append.State == AppendState.Sent).Select(a => a.Append));
            }

            for (var i = me.IsStopping || _open.Count >= 10 || (_open.Count > 0 && _next - _open.Keys.First() > SimTimes.ClientWindow) ? 0 : Math.Min(Quota, World.Random.Next(3)); i > 0; i--)
            {
                Quota--;
                var append = new AppendLifecycle();
                append.Begin(_next);
                _open[_next++] = (append, cluster.Checks.Promised(me.Log));
            }

            if (_open.Values.All(a => a.Append.State != AppendState.Sent)) _progressAt = World.Now;
            var ready = _open.Values.Select(a => a.Append).Where(a => a.State == AppendState.Ready || (a.State == AppendState.Parked && a.Segment!.InstallId == _segment!.InstallId)).ToArray();
            foreach (var append in ready) append.OnSend(_segment!, _knownTail);
            Send(ready);
            await me.Delay(200 + World.Random.Next(4_000));
        }
    }

    public void OnReply(in AppendReply reply)
    {
        if (_segment is not { } segment || reply.Loglet != segment.Loglet.Id) return;
        _progressAt = World.Now;
        if (World.IsDetailed && reply.Status != StatusCode.Ok) World.Tell($"client {me.Id}: {reply.FirstSequence} and {reply.Count - 1} more: {reply.Status} {reply.FirstPosition}");
        if (reply.Status == StatusCode.WrongIncarnation || reply.Status == StatusCode.NotFound)
        {
            if (Mutant == SimMutant.RestartedSequencer && reply.Status == StatusCode.NotFound) World.Spawn(() => me.Network.AskAsync(me, cluster.Node(segment.Loglet.SequencerNode), new OpenLoglet(segment.Loglet)));
            else _lost = true;
            return;
        }

        if (reply.Status == StatusCode.Ok) _knownTail = Math.Max(_knownTail, Math.Max(reply.GlobalTail, reply.FirstPosition + reply.Count));
        for (var i = 0u; i < reply.Count; i++) OnAnswer(reply.Status, reply.FirstSequence + i, reply.FirstPosition < 0 ? -1 : reply.FirstPosition + i);
        Settle();
    }

    public void OnClosed(SimConnection connection)
    {
        if (_connection == connection) _connection = null;
    }

    private void OnAnswer(StatusCode status, ulong sequence, long named)
    {
        if (!_open.TryGetValue(sequence, out var open) || open.Append.State != AppendState.Sent) return;
        switch (status)
        {
            case StatusCode.Ok:
                open.Append.OnAcknowledged(named);
                break;
            case StatusCode.Sealed:
                _sealed = true;
                open.Append.OnGivenBack(named);
                break;
            case StatusCode.DiskFull:
                open.Append.OnRefused(DelosErrorCode.Unavailable);
                cluster.Checks.OnRefused(me.Log, new AppendId(_client, sequence));
                break;
            case StatusCode.BelowFloor:
                World.Violate($"{me.Log}: {sequence} of client {me.Id} is unresolved and below its floor");
                break;
            default:
                _lost = true;
                open.Append.OnGivenBack(named);
                break;
        }
    }

    private void Settle()
    {
        foreach (var (sequence, (append, promised)) in _open.ToArray())
        {
            if (!append.IsOver) continue;
            _open.Remove(sequence);
            if (append.State == AppendState.Failed)
            {
                if (append.Failure == DelosErrorCode.OutcomeUnknown) cluster.Checks.Unknown++;
                continue;
            }

            cluster.Checks.OnAcknowledged(me.Log, new AppendId(_client, sequence), append.Position, promised);
            AppendedAt = World.Now;
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
        if (World.IsDetailed) World.Tell($"client {me.Id}: sends {string.Join(", ", sent)} of {_client:x16} to Loglet {loglet.Id}");
        byte[] payload = [.. sent.SelectMany(s => SimEntries.Encode(new AppendId(_client, s)))];
        me.Network.Send(_connection, me, new SimMessage(new Append(loglet.Id, loglet.Incarnation, _client, _open.Keys.First(), (uint)sent.Length), payload, 0, false));
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
            var chain = await me.ChainAsync();
            if (chain.Active.InstallId == old.InstallId && World.Chance(50))
            {
                Use(old);
                await me.Delay(10_000);
                return;
            }
        }

        var newest = await me.SuccessorAsync(old);
        if (newest.FindEnded(old) is { } stopped) await ResolveAsync(stopped);
        else foreach (var (append, _) in _open.Values.Where(a => a.Append.State == AppendState.Parked)) append.OnTrimmed(); // dropped with everything in it
        Settle();
        Use(me.Newest!.Active);
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
        var position = resolver.From;
        while (!resolver.IsDone && position < resolver.To)
        {
            var (status, entries, trim) = await new SimLoglet(me, cluster, segment.Loglet).ReadAsync(position, resolver.To, segment.Stop!.Value - segment.Start);
            if (status == StatusCode.Trimmed)
            {
                position = Math.Max(position + 1, trim);
                resolver.OnTrimmed(position);
                continue;
            }

            if (status != StatusCode.Ok || entries.Length == 0)
            {
                await me.Delay(10_000);
                var stop = segment.Stop;
                if ((await me.ChainAsync()).FindByInstallId(segment.InstallId) is { } again) segment = again with { Stop = stop };
                else resolver.OnTrimmed(position = resolver.To);
            }

            foreach (var entry in entries) resolver.OnEntry(position++, SimEntries.Ids(entry)[0]);
        }

        resolver.OnEnd();
    }
}
