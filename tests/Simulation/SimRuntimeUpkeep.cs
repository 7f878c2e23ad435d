using Delos.Runtime;

namespace Delos.Tests.Simulation;

/// <summary>What a replica does from time to time, as client/Runtime/ReplicaUpkeep.cs: makes its state durable, writes snapshots, reports, evicts, trims. What to do <see cref="SnapshotRules"/> and <see cref="SilenceWatch"/> say.</summary>
internal sealed class SimRuntimeUpkeep(SimRuntime replica, SimRuntimeLog log, ClusterSimulation cluster, SimTables tables)
{
    private SilenceWatch _silence = tables.NewSilenceWatch(replica.Id);
    private long _reportedAt;
    private long _trimmed;

    /// <summary>Reports that this life has put into the log, since they were counted anew.</summary>
    public int Reports { get; private set; }

    public bool IsBusy { get; private set; }

    private SimWorld World => cluster.World;

    public void CountAnew() => Reports = 0;

    public async Task RunAsync(int life)
    {
        (_silence, _reportedAt, _trimmed, Reports, IsBusy) = (tables.NewSilenceWatch(replica.Id), 0, 0, 0, false);
        while (replica.IsAlive(life))
        {
            await replica.Delay((long)(SimTimes.ReportEvery.TotalMicroseconds * (0.75 + (World.Random.NextDouble() / 2))));
            if (!replica.IsAlive(life)) return;
            if (replica.State == RuntimeState.Applying)
            {
                IsBusy = true;
                await OnceAsync(life);
                if (replica.IsAlive(life)) IsBusy = false;
            }
            else if (replica.State == RuntimeState.Diverged)
            {
                Withdraw();
            }
        }
    }

    private async Task OnceAsync(int life)
    {
        if (tables.IsQuiet || !await ReportAsync(life) || replica.State != RuntimeState.Applying) return;
        Reports++;
        var elapsed = _reportedAt == 0 ? TimeSpan.Zero : TimeSpan.FromMicroseconds(World.Now - _reportedAt);
        _reportedAt = World.Now;
        foreach (var (gone, _) in _silence.Observe(Replicas(), elapsed))
        {
            var answer = await replica.ProposeAsync(SilenceWatch.Evict(gone));
            if (!replica.IsAlive(life) || answer is null || replica.State != RuntimeState.Applying) return;
            if (answer.Status == ProposalStatus.Applied) World.Count("replica evicted");
        }

        var point = replica.Core.Cursor.TrimPoint;
        if (point <= _trimmed) return;
        var trimmed = await log.TrimAsync(point);
        if (!replica.IsAlive(life)) return;
        _trimmed = trimmed;
        World.Count("log trimmed by reports");
        if (World.IsDetailed) World.Tell($"replica {replica.Id} has trimmed the log up to {trimmed}");
    }

    /// <summary>False: it died, or nobody knows whether it was heard.</summary>
    private async Task<bool> ReportAsync(int life)
    {
        var store = replica.Store;
        var generation = store.Generation;
        using var held = store.Opened.Snapshot();
        var durable = CursorRecord.Load(held).Next;
        store.Flush();
        var replicas = ReplicaTable.All(held);
        var isAlone = replicas.TrueForAll(r => r.Report.Replica == replica.Id);
        var reported = replicas.Where(r => r.Report.Replica == replica.Id).Select(static r => r.Report.Snapshot).FirstOrDefault(-1);
        var known = tables.Snapshots.List();
        if (replica.Core.Disagreeing.Count == 0 && SnapshotRules.IsDue(known, durable, replica.Core.Cursor.TrimPoint, SimTimes.SnapshotEvery, isForced: false))
        {
            var content = store.Save();
            await replica.Delay(World.Random.Next(10_000));
            if (!replica.IsAlive(life) || store.Generation != generation || replica.Core.Cursor.Diverged) return false;
            var snapshot = new SnapshotInfo(durable, replica.Id);
            tables.Snapshots.Save(snapshot, content);
            World.Count("snapshot written");
            known = [snapshot, .. known];
        }

        var (kept, superfluous) = SnapshotRules.Keep(known, replica.Id, isShared: true, isAlone, replica.Core.AgreedUpTo, reported, SimTimes.SnapshotsKept, _trimmed);
        foreach (var old in superfluous) tables.Snapshots.Delete(old);
        var claim = ReplicaTable.NewestClaim(held);
        if (cluster.Mutant == SimMutant.UncomparedChecksums) claim = (-1, 0);
        if (cluster.Mutant == SimMutant.TrimPastSnapshots) kept = durable;
        var report = new ReplicaReport(replica.Id, $"r{replica.Id}", durable, kept, true, claim.At, claim.Checksum, []);
        var answer = await replica.ProposeAsync(new Proposal(ProposalKind.Report, 0, 0, 0, report.Encode()));
        return replica.IsAlive(life) && answer is not null;
    }

    private void Withdraw()
    {
        foreach (var wrong in SnapshotRules.Wrong(tables.Snapshots.List(), replica.Id, replica.Core.AgreedUpTo, Replicas()))
        {
            World.Count("snapshot withdrawn");
            tables.Snapshots.Delete(wrong);
        }
    }

    private List<ReplicaRecord> Replicas()
    {
        using var held = replica.Store.Opened.Snapshot();
        return ReplicaTable.All(held);
    }
}
