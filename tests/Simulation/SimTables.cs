using Delos.Protocol.Tables;
using Delos.Runtime;

namespace Delos.Tests.Simulation;

/// <summary>
/// Replicas of tables over the simulated cluster's log, applications that use them, and an operator who looks after them. In the end the operator wipes one more replica; all must come back, and serve the same state, which
/// explains all that any application was told (<see cref="SimTableHistory"/>).
/// </summary>
internal sealed class SimTables
{
    public const int Replicas = 3;
    private const string Log = "log0";
    private const int Applications = 4;
    private const int FirstReports = 2;
    private const int LastReports = 3;
    private readonly ClusterSimulation _cluster;
    private readonly SimRuntime[] _replicas;
    private readonly SimTableApp[] _applications;
    private readonly HashSet<long> _edited = [];
    private readonly int _wiped;
    private readonly bool _hasBadEdit;
    private SimRuntime? _odd;
    private int _deeds;
    private string _waitsFor = "";

    public SimTables(ClusterSimulation cluster, int seed)
    {
        _cluster = cluster;
        _hasBadEdit = cluster.Faults.Any(f => f.Kind == SimFaultKind.BadEdit);
        _wiped = seed % Replicas;
        _replicas = [.. cluster.Clients.Select(c => new SimRuntime(cluster, this, c))];
        History = new SimTableHistory(cluster.World);
        _applications = [.. Enumerable.Range(0, Applications).Select(i => new SimTableApp(cluster.World, _replicas, History, i))];
    }

    public SimSnapshots Snapshots { get; } = new();

    public SimTableHistory History { get; }

    /// <summary>Nobody reports any more.</summary>
    public bool IsQuiet { get; private set; }

    /// <summary>What is waited for in the end.</summary>
    public string State => $"{_waitsFor}; {string.Join("; ", _replicas.Select(r => r.Condition))}; snapshots {string.Join(' ', Snapshots.List().Select(s => $"{s.Cursor} of {s.Replica}"))}";

    private SimWorld World => _cluster.World;

    public SilenceWatch NewSilenceWatch(ulong replica) => new(replica, SimTimes.ReportEvery, _hasBadEdit ? TimeSpan.FromSeconds(4) : SimTimes.EvictAfter);

    public void Begin()
    {
        foreach (var replica in _replicas) replica.Start();
        foreach (var application in _applications) application.Begin();
        World.Spawn(OperateAsync);
    }

    public void Begin(SimFault fault)
    {
        var replica = _replicas[fault.Node % Replicas];
        switch (fault.Kind)
        {
            case SimFaultKind.ReplicaCrash or SimFaultKind.ReplicaWipe:
                replica.Crash(wipe: fault.Kind == SimFaultKind.ReplicaWipe);
                World.At(fault.For, replica.Start);
                break;
            case SimFaultKind.Poison:
                World.Spawn(() => replica.ProposeAsync(new Proposal(ProposalKind.Command, 0, 0, 0, SimTableMachine.Poison)));
                break;
            case SimFaultKind.BadEdit:
                World.Spawn(() => BadEditAsync(replica));
                break;
        }
    }

    /// <summary>Only the one for which an entry was deleted that the others had applied may differ from them.</summary>
    public void OnDiverged(SimRuntime replica)
    {
        if (replica != _odd) World.Violate($"replica {replica.Id} has another state than the others, and nobody gave it cause");
    }

    /// <summary>After all is healed.</summary>
    public async Task FinishAsync()
    {
        foreach (var replica in _replicas) replica.Start();
        foreach (var application in _applications) application.IsStopping = true;
        await UntilAsync("the applications and the operator's deeds", () => _deeds == 0 && Array.TrueForAll(_applications, a => a.HasStopped));

        // A replica that has passed an edited entry only now is found out by what it reports from here on.
        foreach (var replica in _replicas) replica.Upkeep.CountAnew();
        await UntilAsync("reports of all replicas", () => Array.TrueForAll(_replicas, r => r.State == RuntimeState.Applying && r.Upkeep.Reports >= LastReports && r.Core.Disagreeing.Count == 0));
        IsQuiet = true;
        await UntilAsync("the last report", () => !Array.Exists(_replicas, r => r.Upkeep.IsBusy));

        // From what there is now: nobody writes another snapshot.
        _replicas[_wiped].Crash(wipe: true);
        _replicas[_wiped].Start();
        var tail = await _cluster.Clients[0].ObserveTailAsync();
        await UntilAsync("the last entries", () => Array.TrueForAll(_replicas, r => r.State == RuntimeState.Applying && r.Cursor >= tail));
        foreach (var other in _replicas[1..])
        {
            string[] one = _replicas[0].Store.Contents(), two = other.Store.Contents();
            if (!one.AsSpan().SequenceEqual(two)) World.Violate($"replicas {_replicas[0].Id} and {other.Id} serve different states at {tail}: {string.Join(", ", one.Except(two).Take(3))} against {string.Join(", ", two.Except(one).Take(3))}");
        }

        World.Count("tables: replicas compared");
        History.Check(_replicas[0]);
    }

    /// <summary>Wipes who has diverged; deletes or patches the entry at which replicas stand, once all of them do or, if he knows no better, are past it.</summary>
    private async Task OperateAsync()
    {
        while (World.Violation is null)
        {
            await World.Delay(15_000);
            foreach (var replica in _replicas.Where(r => r.State == RuntimeState.Diverged))
            {
                await World.Delay(World.Random.Next(100_000));
                replica.Crash(wipe: true);
                replica.Start();
            }

            if (_replicas.FirstOrDefault(r => r.State == RuntimeState.Poisoned)?.PoisonedAt is not { } position || !_edited.Add(position)) continue;
            var content = World.Chance(50) && !_hasBadEdit ? Patch(position) : null;
            World.Spawn(() => EditAsync(position, content));
        }
    }

    private async Task EditAsync(long position, byte[]? content)
    {
        _deeds++;
        while (_hasBadEdit && !Array.TrueForAll(_replicas, r => r.Cursor > position || r.PoisonedAt == position)) await World.Delay(5_000);
        World.Tell($"the operator {(content is null ? "deletes" : "patches")} the entry at {position}");
        World.Count(content is null ? "entry deleted" : "entry patched");
        await _cluster.EditAsync(Log, position, content);
        _deeds--;
    }

    /// <summary>Until an entry is in the log that this one replica does not bear.</summary>
    private async Task BadEditAsync(SimRuntime odd)
    {
        _deeds++;
        _odd = odd;
        var good = _replicas.First(r => r != odd);
        for (var attempt = 0; odd.PoisonedAt < 0; attempt++)
        {
            if (Array.TrueForAll(_replicas, r => r.State == RuntimeState.Applying && r.Upkeep.Reports >= FirstReports))
            {
                var command = TableCommandCodec.Encode(new Transact(TableOp.Put(SimTableApp.Marks, Row.Of(("id", attempt), ("v", attempt)))));
                odd.Hated.Add(command);
                await good.ProposeAsync(new Proposal(ProposalKind.Command, 0, 0, 0, command));
            }

            await World.Delay(30_000);
        }

        await UntilAsync("a bad edit", () => odd.PoisonedAt < 0 && odd.Cursor > 0);
        _deeds--;
    }

    private static byte[] Patch(long position)
    {
        var command = TableCommandCodec.Encode(new Transact(TableOp.Put(SimTableApp.Marks, Row.Of(("id", position), ("v", 1)))));
        return new ProposalBatch(1, 1, DateTimeOffset.UnixEpoch, [new Proposal(ProposalKind.Command, 0, 0, 0, command)]).Encode();
    }

    private async Task UntilAsync(string what, Func<bool> condition)
    {
        _waitsFor = what;
        while (!condition()) await World.Delay(2_000);
    }
}
