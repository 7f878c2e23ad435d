using Delos.Client;
using Microsoft.Extensions.Logging;

namespace Delos.Runtime;

/// <summary>
/// The life of a replica: open the store, or restore a snapshot if the log no longer has what the store lacks; then follow the log and apply. One at a time, on one task; the only writer of the store.
/// </summary>
internal sealed class ReplicaLoop(DelosLog log, IStateMachine machine, ILocalStoreFactory stores, ISnapshotStore snapshots, RuntimeOptions options, Proposer proposer, StoreHolder holder, CursorWaiters waiters, ILogger logger)
{
    private static readonly TimeSpan s_firstRetry = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_slowestRetry = TimeSpan.FromSeconds(5);

    private readonly RuntimeCore _core = new(machine, options.ReplicaId);
    private readonly Lock _lock = new();
    private CursorRecord _committed;
    private RuntimeState _state = RuntimeState.Starting;
    private string _problem = "";
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The state, why, and how far; one moment's.</summary>
    public (RuntimeState State, string Problem, CursorRecord Cursor) Condition
    {
        get
        {
            lock (_lock) return (_state, _problem, _committed);
        }
    }

    /// <summary>Completes when <see cref="Condition"/> has another state or problem than when this was asked for.</summary>
    public Task Changed
    {
        get
        {
            lock (_lock) return _changed.Task;
        }
    }

    /// <summary>The gates as of the last commit.</summary>
    public FeatureGates Gates { get; private set; } = FeatureGates.None;

    /// <summary>Goes on until cancelled, or until something needs an operator.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        Enter(RuntimeState.Starting, $"replica {options.Name} of log '{log.Name}' is starting");
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            var retry = s_firstRetry;
            while (true)
            {
                try
                {
                    await OpenAsync(cancellationToken).ConfigureAwait(false);
                    retry = s_firstRetry;
                    await FollowAsync(cancellationToken).ConfigureAwait(false);
                }
                catch (DelosException e) when (e.Code == DelosErrorCode.Trimmed)
                {
                    logger.LogTrimmedAhead(log.Name, options.Name, _core.Next);
                    Enter(RuntimeState.Starting, "the log was trimmed beyond this replica's cursor; it restores a snapshot");
                }
                catch (DelosException e) when (e.IsTransient)
                {
                    logger.UpkeepFailed(log.Name, options.Name, "following the log", e);
                    Enter(RuntimeState.Starting, e.Message);
                    await Task.Delay(retry, options.TimeProvider, cancellationToken).ConfigureAwait(false);
                    retry = Longer(retry);
                }

                await holder.CloseAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            Enter(RuntimeState.Closed, "the runtime was disposed");
        }
        catch (Exception e)
        {
            logger.ReplicaFailed(log.Name, options.Name, e);
            Enter(RuntimeState.Failed, $"replica {options.Name} of log '{log.Name}' failed: {e.Message}");
        }
    }

    /// <summary>Opens the store; if the log begins behind its cursor, from the newest snapshot that reaches into the log.</summary>
    private async Task OpenAsync(CancellationToken cancellationToken)
    {
        var retry = s_firstRetry;
        while (true)
        {
            var first = await log.FirstPositionAsync(cancellationToken).ConfigureAwait(false);
            if (TryOpen(first)) return;
            var usable = (await snapshots.ListAsync(cancellationToken).ConfigureAwait(false)).Where(s => s.Cursor >= first).ToList();
            if (await TryRestoreAsync(usable, cancellationToken).ConfigureAwait(false)) continue;
            if (first == 0)
            {
                // The store could not be read; the log still has everything.
                await stores.ClearAsync(cancellationToken).ConfigureAwait(false);
            }
            else
            {
                Enter(RuntimeState.Starting, $"log '{log.Name}' begins at {first}, which is beyond this replica's cursor, and there is no snapshot from there on");
                logger.NoSnapshot(log.Name, options.Name, first);
                await Task.Delay(retry, options.TimeProvider, cancellationToken).ConfigureAwait(false);
                retry = Longer(retry);
            }
        }
    }

    /// <summary>Newest first; one that turns out to be damaged is passed over.</summary>
    private async Task<bool> TryRestoreAsync(IReadOnlyList<SnapshotInfo> usable, CancellationToken cancellationToken)
    {
        foreach (var snapshot in usable)
        {
            try
            {
                var directory = await snapshots.FetchAsync(snapshot, cancellationToken).ConfigureAwait(false);
                await stores.RestoreAsync(directory, cancellationToken).ConfigureAwait(false);
                logger.SnapshotRestored(log.Name, options.Name, snapshot.Cursor, snapshot.Replica);
                return true;
            }
            catch (Exception e) when (e is InvalidDataException or FileNotFoundException or DirectoryNotFoundException)
            {
                logger.SnapshotUnusable(log.Name, options.Name, snapshot.Cursor, snapshot.Replica, e);
            }
        }

        return false;
    }

    /// <summary>False: the store cannot be read, or lacks what the log no longer has.</summary>
    private bool TryOpen(long first)
    {
        ILocalStore store;
        try
        {
            store = stores.Open();
        }
        catch (InvalidDataException e)
        {
            logger.StoreUnreadable(log.Name, options.Name, e);
            return false;
        }

        using (var snapshot = store.Snapshot()) _core.Load(snapshot);
        if (_core.Next < first)
        {
            store.Dispose();
            return false;
        }

        holder.Open(store);
        Publish();
        return true;
    }

    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        var retry = s_firstRetry;
        Enter(RuntimeState.Applying, "");
        while (true)
        {
            if (_core.Cursor.Diverged)
            {
                Enter(RuntimeState.Diverged, $"replica {options.Name} of log '{log.Name}' has another state than the others (replicas {string.Join(", ", _core.Disagreeing)}); wipe it, so that it begins anew from a snapshot");
                logger.ReplicaDiverged(log.Name, options.Name, _core.Next);
                await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken).ConfigureAwait(false);
            }

            Poison? poison = null;
            await foreach (var batch in log.FollowBatchesAsync(_core.Next, cancellationToken).ConfigureAwait(false))
            {
                poison = Apply(batch);
                if (poison is not null || _core.Cursor.Diverged) break;
                if (_state == RuntimeState.Applying) continue;
                retry = s_firstRetry;
                Enter(RuntimeState.Applying, "");
            }

            if (poison is null) continue;
            var problem = $"replica {options.Name} of log '{log.Name}' stands in front of position {poison.Position}, at which its state machine fails: {poison.Error.Message} Patch or delete that entry.";
            if (_state != RuntimeState.Poisoned) logger.ReplicaPoisoned(log.Name, options.Name, poison.Position, poison.Error);
            Enter(RuntimeState.Poisoned, problem);
            await Task.Delay(retry, options.TimeProvider, cancellationToken).ConfigureAwait(false);
            retry = Longer(retry);
        }
    }

    /// <summary>All of a batch in one transaction, with the cursor; or all in front of a poisonous entry.</summary>
    private Poison? Apply(LogBatch batch)
    {
        var answers = new List<(ulong Proposer, ulong Number, int Index, long Position, Answer Answer)>();
        Poison? poison = null;
        using (var transaction = holder.Store.Begin())
        {
            foreach (var entry in batch.Entries)
            {
                if (entry.Position < _core.Next) continue;
                if (_core.Apply(transaction, entry.Position, entry.Payload.Span, (b, index, answer) => answers.Add((b.Proposer, b.Number, index, entry.Position, answer))) is not { } error) continue;
                poison = new Poison(entry.Position, error);
                break;
            }

            if (poison is null) _core.Advance(batch.Next);
            _core.Save(transaction);
            transaction.Commit();
        }

        Publish();
        foreach (var (by, number, index, position, answer) in answers) proposer.OnApplied(by, number, index, position, answer);
        machine.OnCommitted(_core.Next);
        return poison;
    }

    private void Publish()
    {
        lock (_lock) _committed = _core.Cursor;
        Gates = _core.Gates;
        waiters.Advance(_core.Next);
    }

    /// <summary>Who sees that the replica applies finds proposals and reads allowed; who sees that it does not may still find them allowed for a moment.</summary>
    private void Enter(RuntimeState state, string problem)
    {
        if ((_state, _problem) == (state, problem)) return;
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

    private void Allow(Exception? unless)
    {
        proposer.Stop(unless);
        waiters.Stop(unless);
    }

    private static TimeSpan Longer(TimeSpan retry) => retry * 2 < s_slowestRetry ? retry * 2 : s_slowestRetry;

    private sealed record Poison(long Position, Exception Error);
}
