using System.Runtime.ExceptionServices;
using Delos.Client;
using Microsoft.Extensions.Logging;

namespace Delos.Runtime;

/// <summary>
/// What a replica does from time to time: makes its state durable and reports through the log, writes snapshots, evicts replicas that are silent for long, and trims the log as far as the reports of all allow (trap 24).
/// </summary>
internal sealed class ReplicaUpkeep(DelosLog log, ISnapshotStore snapshots, RuntimeOptions options, Proposer proposer, StoreHolder holder, ReplicaApplier applier, ReplicaCondition condition, ILogger logger)
{
    private readonly SilenceWatch _silence = new(options.ReplicaId, options.ReportEvery, options.EvictAfter);
    private readonly SemaphoreSlim _one = new(1);
    private long _reportedAt;
    private long _trimmed;
    private long _kept = -1;

    private string _flushProblem = "";
    private string _snapshotProblem = "";

    /// <summary>Below it a crash of this process loses nothing of the store.</summary>
    public long DurableCursor { get; private set; }

    /// <summary>Why the state cannot be made durable, or no snapshot be written; empty: both can. A replica that cannot make its state durable does not report, and is evicted in the end: it must not hold up trimming for ever.</summary>
    public string Problem => _flushProblem.Length > 0 ? _flushProblem : _snapshotProblem;

    /// <summary>Of the newest snapshot that this replica has written or, where all share one place, seen; -1: none.</summary>
    public long NewestSnapshot { get; private set; } = -1;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                // Not all replicas at the same time.
                await Task.Delay(options.ReportEvery * (0.75 + (Random.Shared.NextDouble() / 2)), options.TimeProvider, cancellationToken).ConfigureAwait(false);
                switch (condition.Now.State)
                {
                    case RuntimeState.Applying:
                        await OnceAsync(forceSnapshot: false, cancellationToken).ConfigureAwait(false);
                        break;
                    case RuntimeState.Diverged:
                        await WithdrawSnapshotsAsync(cancellationToken).ConfigureAwait(false);
                        break;
                }
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                if (cancellationToken.IsCancellationRequested) return;
                logger.UpkeepFailed(log.Name, options.Name, "a report", e);
            }
        }
    }

    /// <summary>One report, with whatever is due.</summary>
    public async Task OnceAsync(bool forceSnapshot, CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await ReportAsync(forceSnapshot, cancellationToken).ConfigureAwait(false);
            await EvictAsync(cancellationToken).ConfigureAwait(false);
            await TrimAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _one.Release();
        }
    }

    private async Task ReportAsync(bool forceSnapshot, CancellationToken cancellationToken)
    {
        (long At, ulong Checksum) claim;
        Exception? failed;

        // The snapshot keeps the store open meanwhile.
        using (var held = await FlushAsync(cancellationToken).ConfigureAwait(false))
        {
            var cursor = CursorRecord.Load(held).Next;
            DurableCursor = cursor;
            failed = await SnapshotAsync(cursor, ReplicaTable.All(held), forceSnapshot, cancellationToken).ConfigureAwait(false);
            claim = ReplicaTable.NewestClaim(held);
        }

        var report = new ReplicaReport(options.ReplicaId, options.Name, DurableCursor, _kept, snapshots.IsShared, claim.At, claim.Checksum, [.. options.Features]);
        await proposer.ProposeAsync(new Proposal(ProposalKind.Report, 0, 0, 0, report.Encode()), cancellationToken).ConfigureAwait(false);

        // What is durable was reported nevertheless.
        if (failed is not null && forceSnapshot) ExceptionDispatchInfo.Throw(failed);
    }

    /// <returns>A state that is durable now.</returns>
    private async Task<IStoreSnapshot> FlushAsync(CancellationToken cancellationToken)
    {
        IStoreSnapshot? held = null;
        try
        {
            held = holder.Snapshot() ?? throw new DelosException(DelosErrorCode.Unavailable, "The replica's store is being replaced.");
            await holder.Store.FlushAsync(cancellationToken).ConfigureAwait(false);
            _flushProblem = "";
            return held;
        }
        catch (Exception e)
        {
            held?.Dispose();
            if (e is IOException) _flushProblem = $"replica {options.Name} of log '{log.Name}' cannot make its state durable, and does not count until it can: {e.Message}";
            throw;
        }
    }

    /// <summary>Writes a snapshot if one is due, and finds from where on the log has to be kept for those that there are (<see cref="SnapshotRules"/>).</summary>
    /// <returns>Why none could be written, though one was due; null: all is well.</returns>
    private async Task<Exception?> SnapshotAsync(long cursor, List<ReplicaRecord> replicas, bool isForced, CancellationToken cancellationToken)
    {
        var known = await snapshots.ListOwnAsync(cancellationToken).ConfigureAwait(false);
        var (agreedUpTo, isSuspected) = condition.Agreement;
        Exception? failed = null;
        if (!isSuspected && SnapshotRules.IsDue(known, cursor, condition.Now.Cursor.TrimPoint, options.SnapshotEvery, isForced))
        {
            try
            {
                var snapshot = await snapshots.SaveAsync(options.ReplicaId, d => applier.CheckpointAsync(d, cancellationToken), cancellationToken).ConfigureAwait(false);
                logger.SnapshotWritten(log.Name, options.Name, snapshot.Cursor);
                known = [snapshot, .. known];
                _snapshotProblem = "";
            }
            catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
            {
                logger.UpkeepFailed(log.Name, options.Name, "a snapshot", e);
                _snapshotProblem = $"replica {options.Name} of log '{log.Name}' cannot write a snapshot: {e.Message}";
                failed = e;
            }
        }

        NewestSnapshot = known.Count > 0 ? known[0].Cursor : -1;
        var isAlone = replicas.TrueForAll(r => r.Report.Replica == options.ReplicaId);
        var reported = replicas.Where(r => r.Report.Replica == options.ReplicaId).Select(static r => r.Report.Snapshot).Append(_kept).Max();
        (_kept, var superfluous) = SnapshotRules.Keep(known, options.ReplicaId, snapshots.IsShared, isAlone, agreedUpTo, reported, options.SnapshotsKept, _trimmed);

        // The next report comes back to those that are being copied. What turned out to be wrong does not wait (WithdrawSnapshotsAsync).
        foreach (var old in superfluous.Where(s => !snapshots.IsInUse(s))) await snapshots.DeleteAsync(old, cancellationToken).ConfigureAwait(false);
        return failed;
    }

    /// <summary>See <see cref="SnapshotRules.Wrong"/>.</summary>
    private async Task WithdrawSnapshotsAsync(CancellationToken cancellationToken)
    {
        List<ReplicaRecord> replicas;
        using (var held = holder.Snapshot())
        {
            if (held is null) return;
            replicas = ReplicaTable.All(held);
        }

        var known = await snapshots.ListOwnAsync(cancellationToken).ConfigureAwait(false);
        foreach (var wrong in SnapshotRules.Wrong(known, options.ReplicaId, condition.Agreement.AgreedUpTo, replicas)) await snapshots.DeleteAsync(wrong, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Evicts who has not reported for long (<see cref="SilenceWatch"/>).</summary>
    private async Task EvictAsync(CancellationToken cancellationToken)
    {
        var elapsed = _reportedAt == 0 ? TimeSpan.Zero : options.TimeProvider.GetElapsedTime(_reportedAt);
        _reportedAt = options.TimeProvider.GetTimestamp();
        List<ReplicaRecord> replicas;
        using (var held = holder.Snapshot())
        {
            if (held is null) return;
            replicas = ReplicaTable.All(held);
        }

        foreach (var (replica, silent) in _silence.Observe(replicas, elapsed))
        {
            var result = await proposer.ProposeAsync(SilenceWatch.Evict(replica), cancellationToken).ConfigureAwait(false);
            if (result.Status == ProposalStatus.Applied) logger.ReplicaEvicted(log.Name, options.Name, replica.Report.Name, silent.TotalSeconds);
        }
    }

    private async Task TrimAsync(CancellationToken cancellationToken)
    {
        var point = condition.Now.Cursor.TrimPoint;
        if (point <= _trimmed) return;
        _trimmed = await log.TrimAsync(point, cancellationToken).ConfigureAwait(false);
        logger.LogTrimmed(log.Name, _trimmed);
    }
}
