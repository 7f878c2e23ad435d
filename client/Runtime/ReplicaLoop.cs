using System.Runtime.ExceptionServices;
using Delos.Client;
using Microsoft.Extensions.Logging;

namespace Delos.Runtime;

/// <summary>
/// The life of a replica: open the store, or restore a snapshot if the log no longer has what the store lacks; then follow the log, and have applied what it brings.
/// </summary>
internal sealed class ReplicaLoop(DelosLog log, ILocalStoreFactory stores, ISnapshotStore snapshots, RuntimeOptions options, RuntimeCore core, Proposer proposer, StoreHolder holder, ReplicaApplier applier, ReplicaCondition condition, ILogger logger)
{
    private static readonly TimeSpan s_firstRetry = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_slowestRetry = TimeSpan.FromSeconds(5);

    /// <summary>Goes on until cancelled, or until something needs an operator.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        condition.Enter(RuntimeState.Starting, $"replica {options.Name} of log '{log.Name}' is starting");
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            var retry = s_firstRetry;
            while (true)
            {
                var openedAt = core.Next;
                try
                {
                    await OpenAsync(cancellationToken).ConfigureAwait(false);
                    await FollowAsync(cancellationToken).ConfigureAwait(false);
                }
                catch (DelosException e) when (e.Code == DelosErrorCode.Trimmed)
                {
                    logger.LogTrimmedAhead(log.Name, options.Name, core.Next);
                    condition.Enter(RuntimeState.Starting, "the log was trimmed beyond this replica's cursor; it restores a snapshot");
                }
                catch (DelosException e) when (e.IsTransient)
                {
                    logger.UpkeepFailed(log.Name, options.Name, "following the log", e);
                    condition.Enter(RuntimeState.Starting, e.Message);
                }

                await holder.CloseAsync(cancellationToken).ConfigureAwait(false);
                await Task.Delay(retry, options.TimeProvider, cancellationToken).ConfigureAwait(false);
                retry = core.Next > openedAt ? s_firstRetry : Longer(retry);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            condition.Enter(RuntimeState.Closed, "the runtime was disposed");
        }
        catch (Exception e)
        {
            logger.ReplicaFailed(log.Name, options.Name, e);
            condition.Enter(RuntimeState.Failed, $"replica {options.Name} of log '{log.Name}' failed: {e.Message}");
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

            condition.Enter(RuntimeState.Starting, $"log '{log.Name}' begins at {first}, which is beyond this replica's cursor, and there is no snapshot from there on that can be used");
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
            using (var snapshot = store.Snapshot()) core.Load(snapshot);
            applier.Begin();
            if (core.Next < first) return false;
            holder.Open(store);
            store = null;
            condition.Publish(core);
            proposer.OnCursor(core.Next);
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
        condition.ForgetPoison();
        while (true)
        {
            if (core.Cursor.Diverged)
            {
                condition.EnterDiverged(core);
                await Task.Delay(Timeout.InfiniteTimeSpan, options.TimeProvider, cancellationToken).ConfigureAwait(false);
            }

            condition.EnterApplying(core.Next);
            PoisonousEntry? poison = null;
            ExceptionDispatchInfo? trimmed = null;
            using var following = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await applier.SetFollowingAsync(following, cancellationToken).ConfigureAwait(false);
            try
            {
                await foreach (var batch in log.FollowBatchesAsync(core.Next, following.Token).ConfigureAwait(false))
                {
                    poison = await applier.ApplyAsync(batch, cancellationToken).ConfigureAwait(false);
                    if (poison is not null || core.Cursor.Diverged) break;
                    if (condition.PoisonedAt < 0) retry = s_firstRetry;
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
                await applier.SetFollowingAsync(null, CancellationToken.None).ConfigureAwait(false);
            }

            applier.ThrowIfFailed();

            // The follower may be behind what was applied unread, and that may be trimmed.
            if (trimmed is not null && await log.FirstPositionAsync(cancellationToken).ConfigureAwait(false) > core.Next) trimmed.Throw();
            if (poison is null || core.Next > poison.Position) continue;
            condition.EnterPoisoned(poison);
            await Task.Delay(retry, options.TimeProvider, cancellationToken).ConfigureAwait(false);
            retry = Longer(retry);
        }
    }

    private static TimeSpan Longer(TimeSpan retry) => retry * 2 < s_slowestRetry ? retry * 2 : s_slowestRetry;
}
