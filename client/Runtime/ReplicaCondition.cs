using Delos.Client;
using Microsoft.Extensions.Logging;

namespace Delos.Runtime;

/// <summary>What a replica is and how far, for all to see; proposals and reads are let in accordingly. Thread-safe to read; changed by the loop and by whoever applies, one at a time.</summary>
internal sealed class ReplicaCondition(string logName, string replicaName, Proposer proposer, CursorWaiters waiters, ILogger logger)
{
    private readonly Lock _lock = new();
    private CursorRecord _committed;
    private long _agreedUpTo = -1;
    private bool _isSuspected;
    private long _poisonedAt = -1;
    private RuntimeState _state = RuntimeState.Starting;
    private string _problem = "";
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The state, why, and how far; one moment's.</summary>
    public (RuntimeState State, string Problem, CursorRecord Cursor) Now
    {
        get
        {
            lock (_lock) return (_state, _problem, _committed);
        }
    }

    /// <summary>The highest position at which another replica had the same state (-1: not known of any), and whether some other one has another now.</summary>
    public (long AgreedUpTo, bool IsSuspected) Agreement
    {
        get
        {
            lock (_lock) return (_agreedUpTo, _isSuspected);
        }
    }

    /// <summary>Completes when <see cref="Now"/> has another state or problem than when this was asked for.</summary>
    public Task Changed
    {
        get
        {
            lock (_lock) return _changed.Task;
        }
    }

    /// <summary>The gates as of the last commit.</summary>
    public FeatureGates Gates { get; private set; } = FeatureGates.None;

    /// <summary>In front of which entry the replica stands, since its state machine fails there; -1: none.</summary>
    public long PoisonedAt
    {
        get
        {
            lock (_lock) return _poisonedAt;
        }
    }

    /// <summary>What was committed is seen.</summary>
    public void Publish(RuntimeCore core)
    {
        lock (_lock) (_committed, _agreedUpTo, _isSuspected) = (core.Cursor, core.AgreedUpTo, core.Disagreeing.Count > 0);
        Gates = core.Gates;
        waiters.Advance(core.Next);
    }

    /// <summary>Who sees that the replica applies finds proposals and reads allowed; who sees that it does not may still find them allowed for a moment.</summary>
    public void Enter(RuntimeState state, string problem)
    {
        lock (_lock)
        {
            if ((_state, _problem) == (state, problem)) return;
        }

        var reason = state == RuntimeState.Applying ? null : new DelosException(state == RuntimeState.Closed ? DelosErrorCode.Closed : DelosErrorCode.Unavailable, problem);
        if (reason is null) Allow(null);
        TaskCompletionSource changed;
        lock (_lock)
        {
            (_state, _problem) = (state, problem);
            (changed, _changed) = (_changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        if (reason is not null) Allow(reason);
        changed.TrySetResult();
    }

    /// <summary>The replica begins to follow the log anew: what poisoned it is not known to be there still.</summary>
    public void ForgetPoison()
    {
        lock (_lock) _poisonedAt = -1;
    }

    /// <summary>It applies, unless it stands in front of a poisonous entry at or behind its cursor.</summary>
    /// <param name="next">First position not applied.</param>
    public void EnterApplying(long next)
    {
        lock (_lock)
        {
            if (next <= _poisonedAt) return;
            _poisonedAt = -1;
        }

        Enter(RuntimeState.Applying, "");
    }

    /// <summary>It stands in front of an entry at which its state machine fails.</summary>
    public void EnterPoisoned(PoisonousEntry poison)
    {
        if (PoisonedAt != poison.Position) logger.ReplicaPoisoned(logName, replicaName, poison.Position, poison.Error);
        lock (_lock) _poisonedAt = poison.Position;
        Enter(RuntimeState.Poisoned, $"replica {replicaName} of log '{logName}' stands in front of position {poison.Position}, at which its state machine fails: {poison.Error.Message} Patch or delete that entry.");
    }

    /// <summary>Others say that its state is not theirs.</summary>
    public void EnterDiverged(RuntimeCore core)
    {
        if (Now.State == RuntimeState.Diverged) return;
        logger.ReplicaDiverged(logName, replicaName, core.Next);
        Enter(RuntimeState.Diverged, $"replica {replicaName} of log '{logName}' has another state than the others (replicas {string.Join(", ", core.Disagreeing)}); wipe it, so that it begins anew from a snapshot");
    }

    private void Allow(DelosException? unless)
    {
        proposer.Stop(unless);
        waiters.Stop(unless);
    }
}
