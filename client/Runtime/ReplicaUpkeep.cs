using Delos.Client;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging;

namespace Delos.Runtime;

/// <summary>
/// What a replica does from time to time: makes its state durable and reports through the log, writes snapshots, evicts replicas that are silent for long, and trims the log as far as the reports of all allow (trap 24).
/// </summary>
internal sealed class ReplicaUpkeep(DelosLog log, ISnapshotStore snapshots, RuntimeOptions options, Proposer proposer, StoreHolder holder, ReplicaLoop loop, ILogger logger)
{
    private readonly Dictionary<ulong, (long ReportedAt, TimeSpan Silent)> _silent = [];
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

    /// <summary>
    /// Writes a snapshot if one is due, and finds from where on the log has to be kept for those that there are. Only own ones count, and only when another replica had the same state at or behind them: a snapshot of a state
    /// that turns out to be wrong must neither free the log nor push out a good one.
    /// </summary>
    private async Task SnapshotAsync(long cursor, bool isAlone, bool isForced, CancellationToken cancellationToken)
    {
        var known = await snapshots.ListAsync(cancellationToken).ConfigureAwait(false);
        var newest = known.Count > 0 ? known[0].Cursor : -1;
        var isDue = isForced ? cursor > newest : cursor - Math.Max(newest, 0) >= options.SnapshotEvery;
        var (agreedUpTo, isSuspected) = loop.Agreement;
        if (isDue && !isSuspected)
        {
            var snapshot = new SnapshotInfo(cursor, options.ReplicaId);
            await snapshots.SaveAsync(snapshot, WriteAsync, cancellationToken).ConfigureAwait(false);
            logger.SnapshotWritten(log.Name, options.Name, cursor);
            known = [snapshot, .. known];
        }

        NewestSnapshot = known.Count > 0 ? known[0].Cursor : -1;
        var confirmed = known.Where(s => s.Replica == options.ReplicaId && (isAlone || s.Cursor <= agreedUpTo)).ToList();
        _kept = confirmed.Count > 0 ? confirmed[Math.Min(confirmed.Count, options.SnapshotsKept) - 1].Cursor : -1;
        foreach (var old in confirmed.Skip(options.SnapshotsKept).Concat(known.Where(s => s.Cursor < _trimmed))) await snapshots.DeleteAsync(old, cancellationToken).ConfigureAwait(false);

        async ValueTask WriteAsync(string directory)
        {
            await holder.Store.CheckpointAsync(directory, cancellationToken).ConfigureAwait(false);

            // Looked at afterwards: it never goes back to good, so the checkpoint says nothing of it either.
            if (loop.Condition.Cursor.Diverged) throw new DelosException(DelosErrorCode.Unavailable, "The replica has diverged; its state makes no snapshot.");
        }
    }

    /// <summary>What this replica wrote after it last agreed with another one is not to be restored by anybody. What it had reported was agreed upon, also if this process does not remember it: the log may be trimmed to it.</summary>
    private async Task WithdrawSnapshotsAsync(CancellationToken cancellationToken)
    {
        long good;
        using (var held = holder.Snapshot())
        {
            if (held is null) return;
            var reported = ReplicaTable.All(held).Where(r => r.Report.Replica == options.ReplicaId).Select(static r => r.Report.Snapshot).FirstOrDefault(-1);
            good = Math.Max(loop.Agreement.AgreedUpTo, reported);
        }

        var known = await snapshots.ListAsync(cancellationToken).ConfigureAwait(false);
        foreach (var wrong in known.Where(s => s.Replica == options.ReplicaId && s.Cursor > good)) await snapshots.DeleteAsync(wrong, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Evicts who has not reported for long. Time counts only while this replica's own reports get through: after an outage of the log, or of this process, nobody was silent.
    /// </summary>
    private async Task EvictAsync(CancellationToken cancellationToken)
    {
        var elapsed = _reportedAt == 0 ? TimeSpan.Zero : options.TimeProvider.GetElapsedTime(_reportedAt);
        if (elapsed > options.ReportEvery * 2) elapsed = options.ReportEvery * 2;
        _reportedAt = options.TimeProvider.GetTimestamp();
        List<ReplicaRecord> replicas;
        using (var held = holder.Snapshot())
        {
            if (held is null) return;
            replicas = ReplicaTable.All(held);
        }

        foreach (var replica in replicas.Where(r => r.Report.Replica != options.ReplicaId))
        {
            var id = replica.Report.Replica;
            var silent = _silent.TryGetValue(id, out var seen) && seen.ReportedAt == replica.ReportedAt ? seen.Silent + elapsed : TimeSpan.Zero;
            _silent[id] = (replica.ReportedAt, silent);
            if (silent < options.EvictAfter) continue;
            var payload = new byte[16];
            var writer = new MessageWriter(payload);
            writer.U64(id);
            writer.I64(replica.ReportedAt);
            var result = await proposer.ProposeAsync(new Proposal(ProposalKind.Evict, 0, 0, 0, payload), cancellationToken).ConfigureAwait(false);
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
