using Delos.Client;
using Delos.Client.VirtualLogs;
using Delos.Protocol.Chains;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Tests.Simulation;

/// <summary>The appends of one client, exactly once: as client/VirtualLogs/Appender.cs and AppendMover.cs have it; on their way to a Loglet they are with <see cref="SimAppends"/>.</summary>
internal sealed class SimAppender(SimClient me, ClusterSimulation cluster)
{
    private readonly SortedDictionary<ulong, (AppendLifecycle Append, long Promised)> _open = [];

    // As AppendOp.Route: the stripe to which an append went.
    private readonly Dictionary<ulong, (LogletId Loglet, int Stripe)> _routes = [];
    private readonly Queue<(ulong Content, TaskCompletionSource<long?> Done)> _requests = new();
    private readonly Dictionary<AppendId, (ulong Content, TaskCompletionSource<long?> Done)> _requested = [];
    private Segment? _segment;
    private SimAppends? _appends;
    private ulong _next = 1;
    private long _knownTail;
    private long _progressAt;
    private bool _sealed;
    private bool _lost;

    public ulong ClientId { get; private set; } = cluster.World.NewId();

    /// <summary>The lowest sequence that is not resolved.</summary>
    public ulong Floor => _open.Keys.First();

    /// <summary>How many appends may still be begun.</summary>
    public long Quota { get; set; }

    /// <summary>How long an append stays unanswered before the client does something about it.</summary>
    public long Patience { get; set; } = SimTimes.AppendPatience;

    public long AppendedAt { get; private set; } = -1;

    public int Unresolved => _open.Count;

    public string State => $"{string.Join(", ", _open.Values.Take(3).Select(a => $"{a.Append.Sequence} {a.Append.State}"))}, last append {AppendedAt / 1000} ms";

    private SimWorld World => me.World;

    private SimMutant Mutant => cluster.Mutant;

    /// <summary>Appends an entry of a replica. Its position; null: refused, or not known.</summary>
    /// <param name="content">See <see cref="SimContents"/>.</param>
    public Task<long?> AppendAsync(ulong content)
    {
        var done = new TaskCompletionSource<long?>();
        _requests.Enqueue((content, done));
        return done.Task;
    }

    /// <summary>Null: the application appends for the sake of appending.</summary>
    public ulong? ContentOf(ulong sequence) => _requested.TryGetValue(new AppendId(ClientId, sequence), out var requested) ? requested.Content : null;

    public async Task RunAsync()
    {
        while (!me.IsStopping || _open.Count > 0)
        {
            if (Quota == 0 && _open.Count == 0 && _requests.Count == 0)
            {
                await me.Delay(500);
                continue;
            }

            // The application closes its handle and opens another one.
            if (_open.Count == 0 && !me.IsScripted && World.Random.Next(100) == 0)
            {
                (ClientId, _next) = (World.NewId(), 1);
                if (_segment is not null) Use(_segment);
            }

            if (_segment is null) Use((await me.ChainAsync()).Active);
            if (me.Newest!.Active.InstallId != _segment!.InstallId) _sealed = true;
            if (_appends!.Unanswered == 0) _progressAt = World.Now;
            if (_sealed || _lost || World.Now - _progressAt > Patience) await MoveAsync();
            for (var i = me.IsStopping || _open.Count >= 10 || (_open.Count > 0 && _next - Floor > SimTimes.ClientWindow) ? 0 : Math.Min(Quota, World.Random.Next(3)); i > 0; i--)
            {
                Quota--;
                Begin();
            }

            while (_requests.Count > 0 && _open.Count < 10 && (_open.Count == 0 || _next - Floor <= SimTimes.ClientWindow))
            {
                _requested[new AppendId(ClientId, _next)] = _requests.Dequeue();
                Begin();
            }

            // Noted before the hand-over.
            _knownTail = Math.Max(_knownTail, _appends.KnownTail);
            AppendLifecycle[] ready = [.. _open.Values.Select(a => a.Append).Where(a => a.State == AppendState.Ready || (a.State == AppendState.Parked && a.Segment!.InstallId == _segment!.InstallId))];
            foreach (var append in ready) append.OnSend(_segment!, _knownTail);
            _appends.Send([.. ready.Select(a => a.Sequence)]);
            await me.Delay(200 + World.Random.Next(4_000));
        }
    }

    public void OnReply(in AppendReply reply)
    {
        if (reply.ClientId == ClientId) _appends?.OnReply(reply);
    }

    public void OnClosed(SimConnection connection) => _appends?.OnClosed(connection);

    /// <summary>The stripe to which the append went before; null: to none.</summary>
    public int? RouteOf(ulong sequence, LogletId loglet) => Mutant != SimMutant.ResentToAnotherStripe && _routes.TryGetValue(sequence, out var route) && route.Loglet == loglet ? route.Stripe : null;

    public void Route(ulong sequence, LogletId loglet, int stripe) => _routes[sequence] = (loglet, stripe);

    /// <summary>The sequencer answers.</summary>
    public void OnProgress() => _progressAt = World.Now;

    /// <summary>A sequencer is out of reach, or gone.</summary>
    public void Lose() => _lost = true;

    /// <summary>The Loglet gives one back.</summary>
    public void OnAnswer(StatusCode status, ulong sequence, long named)
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
                cluster.Checks.OnRefused(me.Log, new AppendId(ClientId, sequence));
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

    public void Settle()
    {
        foreach (var (sequence, (append, promised)) in _open.ToArray())
        {
            if (!append.IsOver) continue;
            _open.Remove(sequence);
            _routes.Remove(sequence);
            _requested.TryGetValue(new AppendId(ClientId, sequence), out var requested);
            if (append.State == AppendState.Failed)
            {
                if (append.Failure == DelosErrorCode.OutcomeUnknown) cluster.Checks.Unknown++;
                requested.Done?.SetResult(null);
                continue;
            }

            cluster.Checks.OnAcknowledged(me.Log, new AppendId(ClientId, sequence), append.Position, promised);
            AppendedAt = World.Now;
            requested.Done?.SetResult(append.Position);
        }
    }

    private void Begin()
    {
        var append = new AppendLifecycle();
        append.Begin(_next);
        _open[_next++] = (append, cluster.Checks.Promised(me.Log));
    }

    private void Use(Segment segment)
    {
        if (_segment?.InstallId != segment.InstallId) _knownTail = 0;
        _segment = segment;
        _appends?.Close();
        _appends = new SimAppends(me, cluster, this, segment.Loglet);
        _sealed = false;
        _lost = false;
        _progressAt = World.Now;
    }

    private async Task MoveAsync()
    {
        var old = _segment!;
        _knownTail = Math.Max(_knownTail, _appends!.KnownTail);
        _appends.Close();
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

        var resolver = new AppendResolver(segment, ClientId, parked);
        var position = resolver.From;
        while (!resolver.IsDone && position < resolver.To)
        {
            var (status, entries, trim) = await SimLoglet.Open(me, cluster, segment.Loglet).ReadAsync(position, resolver.To, segment.Stop!.Value - segment.Start);
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
