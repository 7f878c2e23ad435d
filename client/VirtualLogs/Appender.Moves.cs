using Delos.Client.Loglets;
using Delos.Protocol.Chains;

namespace Delos.Client.VirtualLogs;

/// <summary>From one segment to the next: what <see cref="AppendMover"/>, which sees to it, needs of the appends that wait for it.</summary>
internal sealed partial class Appender
{
    /// <summary>Time since the last acknowledgement; very long if there was none.</summary>
    public TimeSpan SinceAcknowledged => Volatile.Read(ref _acknowledgedAt) is var at and not 0 ? _options.TimeProvider.GetElapsedTime(at) : TimeSpan.MaxValue;

    /// <summary>Completes when no Loglet holds an append any more. Only while moving.</summary>
    public Task DrainedAsync()
    {
        lock (_gate)
        {
            _drained = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_handedOver == 0) _drained.TrySetResult();
            return _drained.Task;
        }
    }

    /// <summary>The appends whose outcome is unknown. Only while moving, after <see cref="DrainedAsync"/>.</summary>
    public List<AppendLifecycle> Parked()
    {
        lock (_gate)
        {
            var parked = new List<AppendLifecycle>();
            for (var s = Client.Floor; s < _nextSequence; s++)
            {
                if (_ring[s & _mask] is { Lifecycle.State: AppendState.Parked } append) parked.Add(append.Lifecycle);
            }

            return parked;
        }
    }

    /// <summary>Answers those that the mover resolved.</summary>
    public void Settle()
    {
        var over = new List<PendingAppend>();
        lock (_gate)
        {
            for (var s = Client.Floor; s < _nextSequence; s++)
            {
                if (_ring[s & _mask] is not { Lifecycle.IsOver: true } append) continue;
                over.Add(append);
                Resolved(append);
            }
        }

        foreach (var append in over)
        {
            if (append.Lifecycle.State == AppendState.Done) Metrics.Appends.Add(1);
            Finish(append, append.Lifecycle.Position, append.Lifecycle.State == AppendState.Done ? null : AppendErrors.Of(append.Lifecycle));
        }

        OnRunEnd();
    }

    /// <summary>Opens a segment: all that is unresolved goes to its Loglet in sequence order, then what comes. Ends the move.</summary>
    public void Open(Segment segment, ILoglet loglet, Chain? newest)
    {
        Flushing flush;
        lock (_gate)
        {
            var isResumed = _segment?.InstallId == segment.InstallId;
            if (!isResumed) _knownTail = 0;
            Volatile.Write(ref _resumed, isResumed ? segment : null);
            _segment = segment;
            Volatile.Write(ref _loglet, loglet);
            _moving = false;
            AdvanceFloor();
            _nextSend = Client.Floor;
            flush = Pump();
            if (newest is not null && !ChainView.IsActive(newest, segment)) BeginMove("superseded", isSealed: true);
        }

        Flush(flush);
    }

    /// <summary>Fails what is in no segment. If nothing else is left the move ends without a segment, and the next append begins anew. Returns true then.</summary>
    public bool FailUnsent(DelosException error)
    {
        Fail(append =>
        {
            if (append.Lifecycle.State == AppendState.Ready) append.Lifecycle.OnAbandoned(error.Code);
        }, error);
        lock (_gate)
        {
            AdvanceFloor();
            if (Client.Floor != _nextSequence || _waiting.Count > 0) return false;
            _nextSend = _nextSequence;
            _moving = false;
            _segment = null;
            return true;
        }
    }

    /// <summary>Fails everything: the mover met something that it cannot go on from.</summary>
    public void FailAll(DelosException error)
    {
        Fail(static append => append.Lifecycle.OnClosed(), error);
        lock (_gate)
        {
            AdvanceFloor();
            _nextSend = Client.Floor;
            _moving = false;
            _segment = null;
        }
    }

    private void OnChain(Chain chain)
    {
        lock (_gate)
        {
            if (_loglet is not null && _segment is { } segment && !ChainView.IsActive(chain, segment)) BeginMove("superseded", isSealed: true);
        }
    }

    /// <summary>Under the lock.</summary>
    private void BeginMove(string cause, bool isSealed)
    {
        if (_moving || _stopped) return;
        _moving = true;
        var old = _loglet;
        if (old is not null) _knownTail = Math.Max(_knownTail, old.KnownTail);
        Volatile.Write(ref _loglet, null);
        _mover.Start(old, _segment, cause, isSealed);
    }

    private void Fail(Action<PendingAppend> end, DelosException error)
    {
        var failed = new List<PendingAppend>();
        lock (_gate)
        {
            for (var s = Client.Floor; s < _nextSequence; s++)
            {
                if (_ring[s & _mask] is not { } append) continue;
                end(append);
                if (!append.Lifecycle.IsOver) continue;
                failed.Add(append);
                Resolved(append);
            }

            TakeBack();
        }

        Metrics.AppendsFailed.Add(failed.Count);
        foreach (var append in failed)
        {
            Finish(append, -1, append.Lifecycle.Failure == error.Code ? error : AppendErrors.Of(append.Lifecycle));
        }
    }
}
