using System.Runtime.ExceptionServices;
using Delos.Client;

namespace Delos.Runtime;

/// <summary>
/// Applies, in turns, what the follower of the log brings and what this replica itself appended, the latter as soon as that is acknowledged and next. One batch at a time; the only writer of the store. What fails other than by a
/// poisonous entry ends all applying until the store is opened anew.
/// </summary>
internal sealed class ReplicaApplier(DelosLog log, IStateMachine machine, RuntimeCore core, Proposer proposer, StoreHolder holder, ReplicaCondition condition)
{
    private readonly OwnEntries _own = new();

    // Held while a batch is applied, and while a checkpoint is taken.
    private readonly SemaphoreSlim _turn = new(1);

    // Under the turn: null, unless own entries may be applied as they are acknowledged. Cancelled, it gives the word back to the loop.
    private CancellationTokenSource? _following;
    private ExceptionDispatchInfo? _failure;
    private int _ownQueued;

    /// <summary>Nobody applies: the store is opened, and the core loaded from it.</summary>
    public void Begin() => _failure = null;

    /// <summary>Throws what has ended all applying, if something has.</summary>
    public void ThrowIfFailed() => _failure?.Throw();

    /// <summary>The loop follows the log from now on; null: it does not any more.</summary>
    /// <param name="following">Cancelled if an own entry cannot be applied, or shows that the replica has diverged.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async ValueTask SetFollowingAsync(CancellationTokenSource? following, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        _following = following;
        _turn.Release();
        ApplyOwn();
    }

    /// <summary>Applies what the follower brings.</summary>
    /// <returns>The entry in front of which the replica stands; null: the whole batch is applied.</returns>
    public async ValueTask<PoisonousEntry?> ApplyAsync(LogBatch batch, CancellationToken cancellationToken)
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
            static applier =>
            {
                // What is acknowledged from here on asks for another look.
                Interlocked.Exchange(ref applier._ownQueued, 0);
                applier.ApplyOwn();
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
            var cursor = condition.Now.Cursor;
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

    /// <summary>As long as there are own entries to be applied next. Whoever has the turn now calls this when it has given it back. Never fails.</summary>
    private void ApplyOwn()
    {
        while (_own.HasAny(core.Next) && _turn.Wait(0))
        {
            try
            {
                if (_following is not { } following) return;

                // One that is poisonous is left to the loop, to which the follower brings it.
                while (_own.TakeFrom(core.Next, log.KnownVersion) is { } batch && Apply(batch) is null && !core.Cursor.Diverged)
                {
                }

                if (!core.Cursor.Diverged) continue;
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

    /// <summary>In turn.</summary>
    private PoisonousEntry? Apply(LogBatch batch)
    {
        ThrowIfFailed();
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
        if (batch.Next <= core.Next) return null;
        var before = core.Next;
        var applied = BatchApplier.Apply(core, holder.Store, batch);

        // What is known to be wrong is shown to nobody.
        if (core.Cursor.Diverged) condition.EnterDiverged(core);
        else if (applied.Poison is null) condition.EnterApplying(core.Next);

        condition.Publish(core);
        foreach (var (by, number, index, position, answer) in applied.Answers) proposer.OnApplied(by, number, index, position, answer);
        proposer.OnCursor(core.Next);
        if (core.Next > before) machine.OnCommitted(core.Next);
        return applied.Poison;
    }
}
