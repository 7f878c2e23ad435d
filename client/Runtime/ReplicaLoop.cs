using System.Runtime.ExceptionServices;
using Delos.Client;
using Microsoft.Extensions.Logging;

namespace Delos.Runtime;

/// <summary>
/// The life of a replica: open the store, or restore a snapshot if the log no longer has what the store lacks; then follow the log and apply. What this replica itself appended it applies as soon as that is acknowledged, if it is
/// next. One batch at a time; the only writer of the store.
/// </summary>
internal sealed class ReplicaLoop(DelosLog log, IStateMachine machine, ILocalStoreFactory stores, ISnapshotStore snapshots, RuntimeOptions options, Proposer proposer, StoreHolder holder, CursorWaiters waiters, ILogger logger)
{
    private static readonly TimeSpan s_firstRetry = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_slowestRetry = TimeSpan.FromSeconds(5);

    private readonly RuntimeCore _core = new(machine, options.ReplicaId, options.Features);
    private readonly Lock _lock = new();

    private readonly OwnEntries _own = new();

    // Held while a batch is applied, and while a checkpoint is taken.
    private readonly SemaphoreSlim _turn = new(1);

    // Under the turn: null, unless own entries may be applied as they are acknowledged. Cancelled, it gives the word back to the loop.
    private CancellationTokenSource? _following;
    private ExceptionDispatchInfo? _failure;
    private long _poisonedAt = -1;
    private int _ownQueued;
    private CursorRecord _committed;
    private long _agreedUpTo = -1;
    private bool _isSuspected;
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

    /// <summary>The highest position at which another replica had the same state (-1: not known of any), and whether some other one has another now.</summary>
    public (long AgreedUpTo, bool IsSuspected) Agreement
    {
        get
        {
            lock (_lock) return (_agreedUpTo, _isSuspected);
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
                var openedAt = _core.Next;
                try
                {
                    await OpenAsync(cancellationToken).ConfigureAwait(false);
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
                }

                await holder.CloseAsync(cancellationToken).ConfigureAwait(false);
                await Task.Delay(retry, options.TimeProvider, cancellationToken).ConfigureAwait(false);
                retry = _core.Next > openedAt ? s_firstRetry : Longer(retry);
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

    /// <summary>
    /// The log has acknowledged an entry of this replica's own. If the replica has applied all in front of it, this one is applied now, and those behind it that are waiting. On another thread: the caller's reads a connection, whose
    /// peer would be taken for silent while a slow store holds it up.
    /// </summary>
    /// <param name="position">Where it is.</param>
    /// <param name="entry">Its payload.</param>
    /// <param name="version">Of the chain, as it was known when the append began.</param>
    public void OnAppended(long position, byte[] entry, ulong? version)
    {
        _own.Add(position, entry, version);
        if (Interlocked.Exchange(ref _ownQueued, 1) != 0) return;
        ThreadPool.UnsafeQueueUserWorkItem(
            static loop =>
            {
                // What is acknowledged from here on asks for another look.
                Interlocked.Exchange(ref loop._ownQueued, 0);
                loop.ApplyOwn();
            },
            this,
            preferLocal: false);
    }

    /// <summary>Writes a checkpoint between two batches, so that it holds exactly what is below its cursor. Nothing is applied meanwhile: whoever calls has just flushed, which leaves little to write.</summary>
    /// <param name="directory">As <see cref="ILocalStore.CheckpointAsync"/> wants it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The cursor.</returns>
    /// <exception cref="DelosException">Unavailable: the replica has diverged.</exception>
    public async ValueTask<long> CheckpointAsync(string directory, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var cursor = Condition.Cursor;
            if (cursor.Diverged) throw new DelosException(DelosErrorCode.Unavailable, "The replica has diverged; its state makes no snapshot.");
            await holder.Store.CheckpointAsync(directory, cancellationToken).ConfigureAwait(false);
            return cursor.Next;
        }
        finally
        {
            _turn.Release();
            ApplyOwn();
        }
    }

    /// <summary>Opens the store; if the log begins behind its cursor, from the newest snapshot that reaches into the log.</summary>
    private async Task OpenAsync(CancellationToken cancellationToken)
    {
        var retry = s_firstRetry;
        var useless = new HashSet<SnapshotInfo>();
        while (true)
        {
            var first = await log.FirstPositionAsync(cancellationToken).ConfigureAwait(false);
            if (TryOpen(first)) return;
            if (await TryRestoreAsync(first, useless, cancellationToken).ConfigureAwait(false)) continue;
            if (first == 0)
            {
                // The store could not be read; the log still has everything.
                await stores.ClearAsync(cancellationToken).ConfigureAwait(false);
                continue;
            }

            Enter(RuntimeState.Starting, $"log '{log.Name}' begins at {first}, which is beyond this replica's cursor, and there is no snapshot from there on that can be used");
            logger.NoSnapshot(log.Name, options.Name, first);
            await Task.Delay(retry, options.TimeProvider, cancellationToken).ConfigureAwait(false);
            retry = Longer(retry);
            useless.Clear();
        }
    }

    /// <summary>Newest first; one that turns out to be damaged, or is deleted just now, is passed over, and none is taken twice.</summary>
    private async Task<bool> TryRestoreAsync(long first, HashSet<SnapshotInfo> useless, CancellationToken cancellationToken)
    {
        try
        {
            foreach (var snapshot in SnapshotRules.Usable(await snapshots.ListAsync(cancellationToken).ConfigureAwait(false), first).Where(useless.Add))
            {
                if (await TryRestoreAsync(snapshot, cancellationToken).ConfigureAwait(false)) return true;
            }
        }
        catch (IOException e)
        {
            logger.UpkeepFailed(log.Name, options.Name, "looking for snapshots", e);
        }

        return false;
    }

    private async Task<bool> TryRestoreAsync(SnapshotInfo snapshot, CancellationToken cancellationToken)
    {
        try
        {
            var directory = await snapshots.FetchAsync(snapshot, cancellationToken).ConfigureAwait(false);
            await stores.RestoreAsync(directory, cancellationToken).ConfigureAwait(false);
            logger.SnapshotRestored(log.Name, options.Name, snapshot.Cursor, snapshot.Replica);
            return true;
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            logger.SnapshotUnusable(log.Name, options.Name, snapshot.Cursor, snapshot.Replica, e);
            return false;
        }
    }

    /// <summary>False: the store cannot be read, or lacks what the log no longer has.</summary>
    private bool TryOpen(long first)
    {
        ILocalStore? store = null;
        try
        {
            store = stores.Open();
            using (var snapshot = store.Snapshot()) _core.Load(snapshot);
            _failure = null;
            if (_core.Next < first) return false;
            holder.Open(store);
            store = null;
            Publish();
            proposer.OnCursor(_core.Next);
            return true;
        }
        catch (InvalidDataException e)
        {
            logger.StoreUnreadable(log.Name, options.Name, e);
            return false;
        }
        finally
        {
            store?.Dispose();
        }
    }

    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        var retry = s_firstRetry;
        _poisonedAt = -1;
        while (true)
        {
            if (_core.Cursor.Diverged)
            {
                EnterDiverged();
                await Task.Delay(Timeout.InfiniteTimeSpan, options.TimeProvider, cancellationToken).ConfigureAwait(false);
            }

            if (_core.Next > _poisonedAt)
            {
                _poisonedAt = -1;
                Enter(RuntimeState.Applying, "");
            }

            PoisonousEntry? poison = null;
            ExceptionDispatchInfo? trimmed = null;
            using var following = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await SetFollowingAsync(following, cancellationToken).ConfigureAwait(false);
            try
            {
                await foreach (var batch in log.FollowBatchesAsync(_core.Next, following.Token).ConfigureAwait(false))
                {
                    poison = await ApplyInTurnAsync(batch, cancellationToken).ConfigureAwait(false);
                    if (poison is not null || _core.Cursor.Diverged) break;
                    if (_poisonedAt < 0) retry = s_firstRetry;
                }
            }
            catch (OperationCanceledException) when (following.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                // An own entry could not be applied, or showed that the replica has diverged.
            }
            catch (DelosException e) when (e.Code == DelosErrorCode.Trimmed)
            {
                trimmed = ExceptionDispatchInfo.Capture(e);
            }
            finally
            {
                await SetFollowingAsync(null, CancellationToken.None).ConfigureAwait(false);
            }

            _failure?.Throw();

            // The follower may be behind what was applied unread, and that may be trimmed.
            if (trimmed is not null && await log.FirstPositionAsync(cancellationToken).ConfigureAwait(false) > _core.Next) trimmed.Throw();
            if (poison is null || _core.Next > poison.Position) continue;
            if (_poisonedAt != poison.Position) logger.ReplicaPoisoned(log.Name, options.Name, poison.Position, poison.Error);
            _poisonedAt = poison.Position;
            Enter(RuntimeState.Poisoned, $"replica {options.Name} of log '{log.Name}' stands in front of position {poison.Position}, at which its state machine fails: {poison.Error.Message} Patch or delete that entry.");
            await Task.Delay(retry, options.TimeProvider, cancellationToken).ConfigureAwait(false);
            retry = Longer(retry);
        }
    }

    private async ValueTask SetFollowingAsync(CancellationTokenSource? following, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        _following = following;
        _turn.Release();
        ApplyOwn();
    }

    private async ValueTask<PoisonousEntry?> ApplyInTurnAsync(LogBatch batch, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return Apply(batch);
        }
        finally
        {
            _turn.Release();
            ApplyOwn();
        }
    }

    /// <summary>As long as there are own entries to be applied next. Whoever has the turn now calls this when it has given it back. Never fails.</summary>
    private void ApplyOwn()
    {
        while (_own.HasAny(_core.Next) && _turn.Wait(0))
        {
            try
            {
                if (_following is not { } following) return;

                // One that is poisonous is left to the loop, to which the follower brings it.
                while (_own.TakeFrom(_core.Next, log.KnownVersion) is { } batch && Apply(batch) is null && !_core.Cursor.Diverged)
                {
                }

                if (!_core.Cursor.Diverged) continue;
                _following = null;
                _ = following.CancelAsync();
            }
            catch (Exception)
            {
                // Kept by Apply; the loop throws it.
            }
            finally
            {
                _turn.Release();
            }
        }
    }

    /// <summary>In turn. What fails other than by a poisonous entry ends all applying until the store is opened anew: the core may be ahead of it, and a later batch must not be put on top.</summary>
    private PoisonousEntry? Apply(LogBatch batch)
    {
        _failure?.Throw();
        try
        {
            return ApplyNew(batch);
        }
        catch (Exception e)
        {
            _failure = ExceptionDispatchInfo.Capture(e);
            if (_following is { } following) _ = following.CancelAsync();
            _following = null;
            throw;
        }
    }

    private PoisonousEntry? ApplyNew(LogBatch batch)
    {
        // All of it was applied unread.
        if (batch.Next <= _core.Next) return null;
        var before = _core.Next;
        var applied = BatchApplier.Apply(_core, holder.Store, batch);

        // What is known to be wrong is shown to nobody.
        if (_core.Cursor.Diverged)
        {
            EnterDiverged();
        }
        else if (applied.Poison is null && _core.Next > _poisonedAt)
        {
            _poisonedAt = -1;
            Enter(RuntimeState.Applying, "");
        }

        Publish();
        foreach (var (by, number, index, position, answer) in applied.Answers) proposer.OnApplied(by, number, index, position, answer);
        proposer.OnCursor(_core.Next);
        if (_core.Next > before) machine.OnCommitted(_core.Next);
        return applied.Poison;
    }

    private void EnterDiverged()
    {
        if (_state == RuntimeState.Diverged) return;
        logger.ReplicaDiverged(log.Name, options.Name, _core.Next);
        Enter(RuntimeState.Diverged, $"replica {options.Name} of log '{log.Name}' has another state than the others (replicas {string.Join(", ", _core.Disagreeing)}); wipe it, so that it begins anew from a snapshot");
    }

    private void Publish()
    {
        lock (_lock) (_committed, _agreedUpTo, _isSuspected) = (_core.Cursor, _core.AgreedUpTo, _core.Disagreeing.Count > 0);
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

    private void Allow(DelosException? unless)
    {
        proposer.Stop(unless);
        waiters.Stop(unless);
    }

    private static TimeSpan Longer(TimeSpan retry) => retry * 2 < s_slowestRetry ? retry * 2 : s_slowestRetry;
}
