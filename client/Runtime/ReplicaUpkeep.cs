using Delos.Client;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging;

namespace Delos.Runtime;

/// <summary>
/// What a replica does from time to time: makes its state durable and reports through the log, writes snapshots, evicts replicas that are silent for long, and trims the log as far as the reports of all allow (trap 24).
/// </summary>
internal sealed class ReplicaUpkeep(DelosLog log, ISnapshotStore snapshots, RuntimeOptions options, Proposer proposer, StoreHolder holder, ReplicaLoop loop, ILogger logger)
{
    private readonly Dictionary<ulong, (long ReportedAt, long SeenAt)> _seen = [];
    private readonly SemaphoreSlim _one = new(1);
    private long _trimmed;
    private long _oldestKept = -1;

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
                if (loop.Condition.State != RuntimeState.Applying) continue;
                await OnceAsync(forceSnapshot: false, cancellationToken).ConfigureAwait(false);
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
            await SnapshotAsync(cursor, forceSnapshot, cancellationToken).ConfigureAwait(false);
            claim = ReplicaTable.NewestClaim(held);
        }

        var report = new ReplicaReport(options.ReplicaId, options.Name, DurableCursor, _oldestKept, claim.At, claim.Checksum, [.. options.Features]);
        await proposer.ProposeAsync(new Proposal(ProposalKind.Report, 0, 0, 0, report.Encode()), cancellationToken).ConfigureAwait(false);
    }

    private async Task SnapshotAsync(long cursor, bool isForced, CancellationToken cancellationToken)
    {
        var known = await snapshots.ListAsync(cancellationToken).ConfigureAwait(false);
        var isDue = isForced || cursor - (known.Count > 0 ? known[0].Cursor : 0) >= options.SnapshotEvery;
        if (isDue && !loop.Condition.Cursor.Diverged && !known.Any(s => s.Cursor == cursor))
        {
            var snapshot = new SnapshotInfo(cursor, options.ReplicaId);
            await snapshots.SaveAsync(snapshot, directory => holder.Store.CheckpointAsync(directory, cancellationToken), cancellationToken).ConfigureAwait(false);
            logger.SnapshotWritten(log.Name, options.Name, cursor);
            known = [snapshot, .. known];
            foreach (var old in known.Skip(options.SnapshotsKept)) await snapshots.DeleteAsync(old, cancellationToken).ConfigureAwait(false);
        }

        NewestSnapshot = known.Count > 0 ? known[0].Cursor : -1;
        _oldestKept = known.Count > 0 ? known[Math.Min(known.Count, options.SnapshotsKept) - 1].Cursor : -1;
    }

    private async Task EvictAsync(CancellationToken cancellationToken)
    {
        List<ReplicaRecord> replicas;
        using (var held = holder.Snapshot())
        {
            if (held is null) return;
            replicas = ReplicaTable.All(held);
        }

        foreach (var replica in replicas.Where(r => r.Report.Replica != options.ReplicaId))
        {
            var id = replica.Report.Replica;
            if (!_seen.TryGetValue(id, out var seen) || seen.ReportedAt != replica.ReportedAt)
            {
                _seen[id] = (replica.ReportedAt, options.TimeProvider.GetTimestamp());
                continue;
            }

            var silent = options.TimeProvider.GetElapsedTime(seen.SeenAt);
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
