using Delos.Client;
using Microsoft.Extensions.Logging;

namespace Delos.Runtime;

/// <summary>
/// What a replica does from time to time: makes its state durable and reports through the log, writes snapshots, evicts replicas that are silent for long, and trims the log as far as the reports of all allow (trap 24).
/// </summary>
internal sealed class ReplicaUpkeep(DelosLog log, ISnapshotStore snapshots, RuntimeOptions options, Proposer proposer, StoreHolder holder, ReplicaLoop loop, ILogger logger)
{
    private readonly SilenceWatch _silence = new(options.ReplicaId, options.ReportEvery, options.EvictAfter);
    private readonly SemaphoreSlim _one = new(1);
    private long _reportedAt;
    private long _trimmed;
    private long _kept = -1;

    /// <summary>Below it a crash of this process loses nothing of the store.</summary>
    public long DurableCursor { get; private set; }

    /// <summary>Of the newest snapshot that this replica has written or seen; -1: none.</summary>
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
                switch (loop.Condition.State)
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

        // The snapshot keeps the store open meanwhile.
        using (var held = holder.Snapshot() ?? throw new DelosException(DelosErrorCode.Unavailable, "The replica's store is being replaced."))
        {
            var cursor = CursorRecord.Load(held).Next;
            await holder.Store.FlushAsync(cancellationToken).ConfigureAwait(false);
            DurableCursor = cursor;
            await SnapshotAsync(cursor, isAlone: ReplicaTable.All(held).TrueForAll(r => r.Report.Replica == options.ReplicaId), forceSnapshot, cancellationToken).ConfigureAwait(false);
            claim = ReplicaTable.NewestClaim(held);
        }

        var report = new ReplicaReport(options.ReplicaId, options.Name, DurableCursor, _kept, claim.At, claim.Checksum, [.. options.Features]);
        await proposer.ProposeAsync(new Proposal(ProposalKind.Report, 0, 0, 0, report.Encode()), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Writes a snapshot if one is due, and finds from where on the log has to be kept for those that there are (<see cref="SnapshotRules"/>).</summary>
    private async Task SnapshotAsync(long cursor, bool isAlone, bool isForced, CancellationToken cancellationToken)
    {
        var known = await snapshots.ListAsync(cancellationToken).ConfigureAwait(false);
        var (agreedUpTo, isSuspected) = loop.Agreement;
        if (!isSuspected && SnapshotRules.IsDue(known, cursor, options.SnapshotEvery, isForced))
        {
            var snapshot = new SnapshotInfo(cursor, options.ReplicaId);
            await snapshots.SaveAsync(snapshot, WriteAsync, cancellationToken).ConfigureAwait(false);
            logger.SnapshotWritten(log.Name, options.Name, cursor);
            known = [snapshot, .. known];
        }

        NewestSnapshot = known.Count > 0 ? known[0].Cursor : -1;
        (_kept, var superfluous) = SnapshotRules.Keep(known, options.ReplicaId, isAlone, agreedUpTo, options.SnapshotsKept, _trimmed);
        foreach (var old in superfluous) await snapshots.DeleteAsync(old, cancellationToken).ConfigureAwait(false);

        async ValueTask WriteAsync(string directory)
        {
            await holder.Store.CheckpointAsync(directory, cancellationToken).ConfigureAwait(false);

            // Looked at afterwards: it never goes back to good, so the checkpoint says nothing of it either.
            if (loop.Condition.Cursor.Diverged) throw new DelosException(DelosErrorCode.Unavailable, "The replica has diverged; its state makes no snapshot.");
        }
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

        var known = await snapshots.ListAsync(cancellationToken).ConfigureAwait(false);
        foreach (var wrong in SnapshotRules.Wrong(known, options.ReplicaId, loop.Agreement.AgreedUpTo, replicas)) await snapshots.DeleteAsync(wrong, cancellationToken).ConfigureAwait(false);
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
        var point = loop.Condition.Cursor.TrimPoint;
        if (point <= _trimmed) return;
        _trimmed = await log.TrimAsync(point, cancellationToken).ConfigureAwait(false);
        logger.LogTrimmed(log.Name, _trimmed);
    }
}
