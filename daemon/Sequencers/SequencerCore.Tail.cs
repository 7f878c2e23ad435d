using System.Runtime.InteropServices;
using Delos.Protocol.Framing;

namespace Delos.Daemon.Sequencers;

/// <summary>The fast checkTail, opening, the seal, and what happens as time passes.</summary>
public sealed partial class SequencerCore
{
    private readonly ConfirmRound _round;
    private readonly List<Waiting> _inRound = [];
    private readonly List<Waiting> _nextRound = [];
    private readonly List<Waiting> _opening = [];
    private long _announcedAt;
    private long _sealSentAt;
    private EndReason _endReason;

    /// <summary>A request for the linearizable tail. It joins a round that is yet to be sent, never one that is out (trap 20); the round starts at the next <see cref="Flush"/>, or when the one that is out ends.</summary>
    public void OnCheckTail(object waiter, ulong correlationId)
    {
        if (State == SequencerState.Ended) _outputs.ReplyTail(waiter, correlationId, StatusCode.Sealed, GlobalTail);
        else if (_inRound.Count + _nextRound.Count >= _options.MaxWaiting) _outputs.ReplyTail(waiter, correlationId, StatusCode.Unavailable, GlobalTail);
        else _nextRound.Add(new Waiting(waiter, correlationId, _now + Milliseconds(_options.ConfirmTimeout)));
    }

    /// <summary>A request to sequence this Loglet; answered when a majority of the replicas exist.</summary>
    public void OnOpen(object waiter, ulong correlationId)
    {
        if (State != SequencerState.Open) _outputs.ReplyOpen(waiter, correlationId, StatusCode.Sealed);
        else if (_opening.Count >= _options.MaxWaiting) _outputs.ReplyOpen(waiter, correlationId, StatusCode.Unavailable);
        else
        {
            _opening.Add(new Waiting(waiter, correlationId, _now + Milliseconds(_options.ConfirmTimeout)));
            AnswerOpen();
        }
    }

    /// <summary>A ConfirmReply. Ok confirms "open, this incarnation" and acknowledges everything below <paramref name="durableTail"/>, whichever round it answers.</summary>
    public void OnConfirmReply(int replica, ulong round, StatusCode status, long durableTail)
    {
        var r = _replicas[replica];
        if (State == SequencerState.Ended || r.IsSealed) return;
        switch (status)
        {
            case StatusCode.Ok when durableTail > _window.EndPosition:
                _outputs.Implausible(replica, durableTail);
                break;
            case StatusCode.Ok:
                _round.Answer(replica, round, durableTail);
                if (r.IsBlocked && durableTail > r.BlockedAt) Unblock(replica, durableTail);
                Acknowledge(replica, durableTail);
                AnswerRound();
                break;
            case StatusCode.Sealed or StatusCode.Deleted:
                OnReplicaSealed(replica);
                break;
            case StatusCode.WrongIncarnation:
                End(EndReason.WrongIncarnation);
                break;
            default:
                // It has not created the replica yet, or has trouble: no answer. The waiting requests have their deadline.
                r.NeedsConfig = true;
                // A laggard is sent no stores, so nothing else would ever tell it the config, and it would not refill itself.
                if (status == StatusCode.NotFound && r.IsLagging) SendEmptyStore(replica);
                break;
        }
    }

    /// <summary>The answer to a Seal that this sequencer sent. The tail in it may count repairs and acknowledges nothing (rule 3).</summary>
    public void OnSealReply(int replica, StatusCode status)
    {
        if (State != SequencerState.Ended && status is StatusCode.Ok or StatusCode.Sealed or StatusCode.Deleted) OnReplicaSealed(replica);
    }

    /// <summary>Time has come to <paramref name="now"/> milliseconds: retries, repeats and deadlines.</summary>
    public void OnTick(long now)
    {
        _now = now;
        if (State == SequencerState.Ended) return;
        ResignWithoutMajority();
        Expire(_inRound);
        Expire(_nextRound);
        Expire(_opening);
        ExpireFills();
        if (_round.IsOut && _inRound.Count == 0) _round.End();
        for (var i = 0; i < _replicas.Length; i++) TickReplica(i);
        ReleaseWindow();
        if (now - _announcedAt >= Milliseconds(_options.AnnounceInterval))
        {
            _announcedAt = now;
            Announce(all: true);
            // A replica that refills itself acknowledges nothing of its own accord: ask.
            for (var i = 0; i < _replicas.Length; i++)
            {
                if (_replicas[i] is { IsLagging: true, IsConnected: true, IsSealed: false }) _outputs.SendConfirm(i, 0);
            }
        }

        TellTail();
        if (State == SequencerState.Ending && now - _sealSentAt >= Milliseconds(_options.SealRetryInterval)) SendSeals();
        Flush();
    }

    private void TickReplica(int replica)
    {
        var r = _replicas[replica];
        if (!r.IsConnected || r.IsSealed) return;
        if (r.IsBlocked && _now >= r.RetryAt) RetryBlocked(replica);
        if (!r.CanStore) return;
        if (r.HasRewound && r.RewindAgain && _now - r.RewoundAt >= Milliseconds(_options.ResendInterval))
        {
            r.HasRewound = false;
            ResendFrom(replica, r.RewoundTo);
        }

        var unacknowledged = Math.Max(r.AckedBatch, _window.Head);
        if (unacknowledged < r.NextBatch && _now - r.ProgressAt >= Milliseconds(_options.StuckAfter))
        {
            r.ProgressAt = _now;
            SendBatch(replica, unacknowledged);
        }
        else if (!r.Exists && _now - r.ProgressAt >= Milliseconds(_options.StuckAfter))
        {
            r.ProgressAt = _now;
            SendEmptyStore(replica);
        }

        Pump(replica);
    }

    private void StartRound()
    {
        if (State != SequencerState.Open || _round.IsOut || _nextRound.Count == 0) return;
        _inRound.AddRange(_nextRound);
        _nextRound.Clear();
        _round.Start();
        for (var i = 0; i < _replicas.Length; i++)
        {
            if (_replicas[i].IsConnected) _outputs.SendConfirm(i, _round.Number);
        }
    }

    private void AnswerRound()
    {
        // Once a seal was seen only its end, or the deadline, answers.
        if (State != SequencerState.Open || !_round.TryGetRequiredTail(out var required) || GlobalTail < required) return;
        _round.End();
        foreach (var waiting in _inRound) _outputs.ReplyTail(waiting.Waiter, waiting.CorrelationId, StatusCode.Ok, GlobalTail);
        _inRound.Clear();
        StartRound();
    }

    private void AnswerOpen()
    {
        if (_opening.Count == 0) return;
        var existing = 0;
        foreach (var r in _replicas)
        {
            if (r.Exists) existing++;
        }

        if (existing < _quorum) return;
        foreach (var waiting in _opening) _outputs.ReplyOpen(waiting.Waiter, waiting.CorrelationId, StatusCode.Ok);
        _opening.Clear();
    }

    private void Expire(List<Waiting> list)
    {
        // In order of arrival, so in order of deadline.
        var expired = 0;
        while (expired < list.Count && list[expired].Deadline <= _now)
        {
            var waiting = list[expired++];
            if (ReferenceEquals(list, _opening)) _outputs.ReplyOpen(waiting.Waiter, waiting.CorrelationId, StatusCode.Unavailable);
            else _outputs.ReplyTail(waiting.Waiter, waiting.CorrelationId, StatusCode.Unavailable, GlobalTail);
        }

        list.RemoveRange(0, expired);
    }

    private void OnReplicaSealed(int replica)
    {
        var r = _replicas[replica];
        if (r.IsSealed) return;
        r.IsSealed = true;
        var count = 0;
        foreach (var other in _replicas)
        {
            if (other.IsSealed) count++;
        }

        if (count >= _quorum) End(EndReason.SealSeen);
        else BeginEnd(EndReason.SealSeen);
    }

    /// <summary>
    /// New appends are refused from here on, so that clients turn to the successor at once. What is pending is still sent to the replicas that are open and may commit: it is told
    /// "sealed" only when a majority is, for until then nobody can know. A seal that stopped half-way, its author dead, is finished here.
    /// </summary>
    private void BeginEnd(EndReason reason)
    {
        if (State != SequencerState.Open) return;
        State = SequencerState.Ending;
        _endReason = reason;
        _outputs.Ending(reason);
        Resume();
        SendSeals();
    }

    private void Resume()
    {
        if (_isPausing) _outputs.ResumeReading();
        _isPausing = false;
    }

    private void SendSeals()
    {
        _sealSentAt = _now;
        for (var i = 0; i < _replicas.Length; i++)
        {
            if (_replicas[i] is { IsConnected: true, IsSealed: false }) _outputs.SendSeal(i);
        }
    }

    private void End(EndReason reason)
    {
        if (State == SequencerState.Ended) return;
        if (State == SequencerState.Open)
        {
            _endReason = reason;
            _outputs.Ending(reason);
        }

        State = SequencerState.Ended;
        while (_pending.TryTake(long.MaxValue, out var run)) Reply(StatusCode.Sealed, run);
        AnswerFills(StatusCode.Sealed, long.MaxValue);
        foreach (var run in _resends) Reply(StatusCode.Sealed, run);
        _resends.Clear();
        foreach (var waiting in _inRound) _outputs.ReplyTail(waiting.Waiter, waiting.CorrelationId, StatusCode.Sealed, GlobalTail);
        foreach (var waiting in _nextRound) _outputs.ReplyTail(waiting.Waiter, waiting.CorrelationId, StatusCode.Sealed, GlobalTail);
        foreach (var waiting in _opening) _outputs.ReplyOpen(waiting.Waiter, waiting.CorrelationId, StatusCode.Sealed);
        _inRound.Clear();
        _nextRound.Clear();
        _opening.Clear();
        _round.End();
        _window.Clear();
        _committedBatch = _window.End;
        _open?.Release();
        _open = null;
        _openCount = 0;
        _openCharge = 0;
        Resume();
        _outputs.Ended(_endReason);
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Waiting(object Waiter, ulong CorrelationId, long Deadline);
}
