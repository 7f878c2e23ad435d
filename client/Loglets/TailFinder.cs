using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Client.Loglets;

/// <summary>
/// The tail of a NativeLoglet from its replicas alone: checkTail's slow path with its five cases, and seal with repair (DESIGN §3). A pure procedure: the
/// shell carries out <see cref="TryTakeRequest"/>'s requests, feeds the answers back, and calls <see cref="OnTick"/> by <see cref="NextTick"/>. Not thread-safe.
/// <para>
/// What makes it safe: only answers to requests of this procedure count; a sealed replica's (sealed, tail) was observed together, so nothing is acknowledged there any
/// more; every entry that anybody was told committed was held, before the seal, by a majority, hence by one replica of any sealed majority: the highest tail of such a majority
/// covers it. That tail is returned only after a majority durably holds everything below it (trap 10). An unsealed, unknown or silent replica proves no absence (trap 9).
/// </para>
/// </summary>
internal sealed partial class TailFinder
{
    private readonly LogletConfig _config;
    private readonly LogletOptions _options;
    private readonly ReplicaAnswer[] _replicas;
    private readonly Queue<TailRequest> _requests = new();
    private Phase _phase;
    private int _round;
    private long _highest;
    private DateTimeOffset? _caseFiveEnds;
    private DateTimeOffset _now;
    private TimeSpan _delay;

    /// <param name="config">The Loglet.</param>
    /// <param name="options">Bound of case 5 and pauses.</param>
    /// <param name="seal">True: seal it; false: find the tail, and finish a seal that has begun.</param>
    /// <param name="now">The time.</param>
    public TailFinder(LogletConfig config, LogletOptions options, bool seal, DateTimeOffset now)
    {
        _config = config;
        _options = options;
        _now = now;
        _delay = options.RetryDelay;
        _replicas = new ReplicaAnswer[config.Replicas.Count];
        for (var i = 0; i < _replicas.Length; i++) _replicas[i] = new ReplicaAnswer();
        if (seal) BeginSeal();
        else BeginStatus();
    }

    private enum Phase
    {
        Asking,
        Sealing,
        Repairing,
        Done,
    }

    public TailOutcome Outcome { get; private set; }

    /// <summary>The tail, when <see cref="Outcome"/> is Open or Sealed.</summary>
    public long Tail { get; private set; }

    /// <summary>When <see cref="OnTick"/> wants to be called, at the latest; null: nothing waits for time.</summary>
    public DateTimeOffset? NextTick { get; private set; }

    /// <summary>The next request to carry out; false: wait for answers or the tick.</summary>
    public bool TryTakeRequest(out TailRequest request) => _requests.TryDequeue(out request);

    /// <summary>An answer to Status.</summary>
    public void OnStatus(in TailRequest request, in StatusReply reply, DateTimeOffset now)
    {
        if (!Accept(request, now, out var replica)) return;
        switch (reply.Status)
        {
            case StatusCode.Ok when reply.Incarnation == _config.Incarnation || reply.IsSealed:
                replica.Report(reply.IsSealed, reply.DurableTail, reply.TrimPoint);
                replica.GlobalTail = reply.GlobalTail;
                break;
            case StatusCode.Deleted:
                Finish(TailOutcome.Deleted, 0);
                return;
            default:
                // NotFound confirms nothing (rule 2); so does any refusal. It is asked again.
                replica.Fail();
                break;
        }

        Evaluate();
    }

    /// <summary>An answer to Seal.</summary>
    public void OnSealed(in TailRequest request, in SealReply reply, DateTimeOffset now)
    {
        if (!Accept(request, now, out var replica)) return;
        switch (reply.Status)
        {
            case StatusCode.Ok:
                replica.Report(true, reply.DurableTail, reply.TrimPoint);
                break;
            case StatusCode.Deleted:
                Finish(TailOutcome.Deleted, 0);
                return;
            default:
                replica.Fail();
                break;
        }

        Evaluate();
    }

    /// <summary>The replica took copies, or jumped: it now durably holds everything from its trim point to <paramref name="durableTail"/>.</summary>
    public void OnMoved(in TailRequest request, StatusCode status, long durableTail, DateTimeOffset now)
    {
        if (!Accept(request, now, out var replica)) return;
        if (status == StatusCode.Deleted)
        {
            Finish(TailOutcome.Deleted, 0);
            return;
        }

        // OutOfOrder with progress: another observer repairs it, too. No progress: it is asked anew before it counts again.
        if (status is StatusCode.Ok or StatusCode.OutOfOrder && durableTail > replica.Tail) replica.Tail = durableTail;
        else replica.Fail();
        Evaluate();
    }

    /// <summary>The source of a copy has trimmed the wanted positions.</summary>
    public void OnSourceTrimmed(in TailRequest request, long trimPoint, DateTimeOffset now)
    {
        if (!Accept(request, now, out _)) return;
        var source = _replicas[request.Source];
        if (trimPoint > request.First) source.TrimPoint = Math.Max(source.TrimPoint, trimPoint);
        else source.Fail();
        Evaluate();
    }

    /// <summary>The source of a copy is gone, or its bytes are damaged there: it cannot serve these positions.</summary>
    public void OnSourceFailed(in TailRequest request, bool damaged, DateTimeOffset now)
    {
        if (!Accept(request, now, out _)) return;
        var source = _replicas[request.Source];
        if (damaged) source.DamagedAt = request.First;
        else source.Fail();
        Evaluate();
    }

    /// <summary>The replica did not answer.</summary>
    public void OnFailed(in TailRequest request, DateTimeOffset now)
    {
        if (!Accept(request, now, out var replica)) return;
        replica.Fail();
        Evaluate();
    }

    /// <summary>Time passed.</summary>
    public void OnTick(DateTimeOffset now)
    {
        if (_phase == Phase.Done) return;
        _now = now;
        if (NextTick is not { } tick || now < tick) return;
        NextTick = null;
        if (_phase == Phase.Asking && _caseFiveEnds is { } ends && now >= ends)
        {
            Finish(TailOutcome.MustSealAndExtend, 0);
            return;
        }

        AskAgain();
        Evaluate();
    }

    private void BeginStatus()
    {
        NewRound(Phase.Asking);
        for (var i = 0; i < _replicas.Length; i++) Ask(TailRequestKind.Status, i);
    }

    private void BeginSeal()
    {
        NewRound(Phase.Sealing);
        _caseFiveEnds = null;
        for (var i = 0; i < _replicas.Length; i++) Ask(TailRequestKind.Seal, i);
    }

    private void NewRound(Phase phase)
    {
        _phase = phase;
        _round++;
        _requests.Clear();
        NextTick = null;
        foreach (var replica in _replicas) replica.Forget();
    }

    private void Ask(TailRequestKind kind, int index, int source = -1, long first = 0, long end = 0)
    {
        _replicas[index].Waiting = true;
        _requests.Enqueue(new TailRequest(kind, _round, index, source, first, end));
    }

    private bool Accept(in TailRequest request, DateTimeOffset now, out ReplicaAnswer replica)
    {
        replica = _replicas[request.Replica];
        if (_phase == Phase.Done || request.Round != _round) return false;
        _now = now;
        replica.Waiting = false;
        replica.Moving = false;
        return true;
    }

    private void Evaluate()
    {
        if (_phase == Phase.Asking) EvaluateAnswers();
        else if (_phase == Phase.Sealing) EvaluateSeals();
        else if (_phase == Phase.Repairing) EvaluateRepair();
    }

    private void EvaluateAnswers()
    {
        var answered = 0;
        var sealedCount = 0;
        var highest = 0L;
        foreach (var replica in _replicas)
        {
            if (!replica.Known) continue;
            answered++;
            if (replica.IsSealed) sealedCount++;
            highest = Math.Max(highest, replica.Tail);
        }

        if (sealedCount > 0)
        {
            // Cases 1, 2 and 3. A majority sealed: repair if need be. Fewer: one was sealed by somebody who may be dead by now, so finish it, and start over from the tails after it.
            if (sealedCount >= _config.Quorum) BeginRepair();
            else if (answered >= _config.Quorum || _replicas.All(r => !r.Waiting)) BeginSeal();
            else NextTick ??= _now + _delay; // the others may be about to say that they are sealed, too; do not wait long for them
            return;
        }

        if (answered < _config.Quorum)
        {
            RetryIfIdle();
            return;
        }

        foreach (var replica in _replicas)
        {
            // Case 4: a majority, none of it sealed, with one tail. Whatever was acknowledged before we asked is on one of these, so below it.
            if (replica.Known && _replicas.Count(r => r.Known && r.Tail == replica.Tail) >= _config.Quorum)
            {
                Finish(TailOutcome.Open, replica.Tail);
                return;
            }
        }

        // Case 5. The highest may be committed or not, so nothing can be said until the sequencer's global tail has passed it, somebody seals, or the bound is reached.
        if (_caseFiveEnds is null)
        {
            _caseFiveEnds = _now + _options.CaseFiveBound;
            _highest = highest;
        }

        foreach (var replica in _replicas)
        {
            if (replica.Known && replica.GlobalTail >= _highest)
            {
                Finish(TailOutcome.Open, _highest);
                return;
            }
        }

        RetryIfIdle();
    }

    private void EvaluateSeals()
    {
        if (_replicas.Count(r => r is { Known: true, IsSealed: true }) >= _config.Quorum) BeginRepair();
        else RetryIfIdle();
    }

    private void RetryIfIdle()
    {
        if (NextTick is not null) return;
        if (_caseFiveEnds is null)
        {
            // Wait for those asked, unless some already failed: they are asked again while the rest takes its time.
            if (_phase != Phase.Repairing && !_replicas.Any(r => r is { Known: false, Waiting: false })) return;
            if (_phase == Phase.Repairing && _replicas.Any(r => r.Moving)) return;
        }

        var at = _now + _delay;
        _delay = TimeSpan.FromTicks(Math.Min(_delay.Ticks * 2, _options.MaxRetryDelay.Ticks));
        NextTick = _caseFiveEnds is { } ends && ends < at ? ends : at;
    }

    private void AskAgain()
    {
        if (_phase == Phase.Repairing || (_phase == Phase.Asking && _replicas.Any(r => r is { Known: true, IsSealed: true })))
        {
            BeginSeal();
            return;
        }

        for (var i = 0; i < _replicas.Length; i++)
        {
            var replica = _replicas[i];
            if (replica.Waiting) continue;
            if (_phase == Phase.Asking && (!replica.Known || _caseFiveEnds is not null)) Ask(TailRequestKind.Status, i);
            else if (_phase == Phase.Sealing && !replica.Known) Ask(TailRequestKind.Seal, i);
        }
    }

    private void Finish(TailOutcome outcome, long tail)
    {
        _phase = Phase.Done;
        Outcome = outcome;
        Tail = tail;
        NextTick = null;
        _requests.Clear();
    }
}
