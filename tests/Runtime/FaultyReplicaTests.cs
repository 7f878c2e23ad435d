using Delos.Client;
using Delos.Client.Admin;
using Delos.LocalStorage;
using Delos.Runtime;

namespace Delos.Tests.Runtime;

/// <summary>Entries at which the state machine fails, replicas that compute something else, and replicas that are gone.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public class FaultyReplicaTests
{
    private readonly RuntimeCluster _cluster = new();

    [TearDown]
    public async Task EndAsync() => await _cluster.DisposeAsync();

    [Test]
    [Category("Trap21")]
    public async Task A_replica_that_met_an_entry_only_after_it_was_deleted_is_found_out()
    {
        RuntimeCluster.Replica[] replicas = [_cluster.Start(1), _cluster.Start(2), _cluster.Start(3)];
        foreach (var replica in replicas) await replica.UntilAsync(RuntimeState.Applying);
        replicas[2].Machine.IsPoison = static c => c == "set k v";
        await replicas[0].ProposeAsync("set k v");
        await replicas[1].Runtime.CatchUpAsync();
        await replicas[2].UntilAsync(RuntimeState.Poisoned);

        // Two of three have applied it: the operator should not have.
        await _cluster.Logs.Client().Admin.EditEntryAsync("log", 0, EntryEdit.Delete);
        await replicas[2].UntilAsync(RuntimeState.Applying);
        for (var round = 0; round < 2; round++)
        {
            foreach (var replica in replicas.Where(r => r.Status.State == RuntimeState.Applying)) await TryReportAsync(replica);
        }

        await replicas[2].UntilAsync(RuntimeState.Diverged);
        Assert.That(await replicas[0].ReadAsync("k"), Is.EqualTo("v"));
        Assert.That(await replicas[1].ReadAsync("k"), Is.EqualTo("v"));
    }

    [Test]
    [Category("Trap21")]
    public async Task A_poisonous_entry_stops_the_replicas_until_an_operator_deletes_it()
    {
        RuntimeCluster.Replica[] replicas = [_cluster.Start(1), _cluster.Start(2)];
        foreach (var replica in replicas) await replica.UntilAsync(RuntimeState.Applying);
        await replicas[0].ProposeAsync("set k before");
        Assert.That(async () => await replicas[0].Runtime.ProposeAsync(Registers.Bytes("fail")), Throws.TypeOf<DelosException>().With.Property(nameof(DelosException.Code)).EqualTo(DelosErrorCode.OutcomeUnknown));
        foreach (var replica in replicas)
        {
            await replica.UntilAsync(RuntimeState.Poisoned);
            Assert.That(replica.Status.Problem, Does.Contain("position 1").And.Contain("'fail' makes no sense").And.Contain("Patch or delete"));
            Assert.That(await replica.ReadAsync("k", ReadLevel.Stale), Is.EqualTo("before"));
            Assert.That(async () => await replica.ReadAsync("k"), Throws.TypeOf<DelosException>().With.Message.Contains("position 1"));
            Assert.That(async () => await replica.Runtime.ProposeAsync(Registers.Bytes("set k w")), Throws.TypeOf<DelosException>().With.Property(nameof(DelosException.Code)).EqualTo(DelosErrorCode.Unavailable));
        }

        await _cluster.Logs.Client().Admin.EditEntryAsync("log", 1, EntryEdit.Delete);
        foreach (var replica in replicas) await replica.UntilAsync(RuntimeState.Applying);
        await replicas[1].ProposeAsync("set k after");
        Assert.That(await replicas[0].ReadAsync("k"), Is.EqualTo("after"));
        Assert.That(replicas.Select(r => r.Status.Checksum).Distinct().Count(), Is.EqualTo(1));
    }

    [Test]
    public async Task A_state_machine_is_told_of_a_commit_only_when_there_is_something_new()
    {
        var replica = _cluster.Start(1);
        await replica.UntilAsync(RuntimeState.Applying);
        await replica.ProposeAsync("set k v");
        Assert.That(async () => await replica.ProposeAsync("fail"), Throws.TypeOf<DelosException>());
        await replica.UntilAsync(RuntimeState.Poisoned);

        // It tries again and again.
        while (Volatile.Read(ref replica.Machine.Applied) < 4) await Task.Delay(5);
        await _cluster.Logs.Client().Admin.EditEntryAsync("log", 1, EntryEdit.Delete);
        await replica.UntilAsync(RuntimeState.Applying);
        await replica.ProposeAsync("set k w");
        Assert.That(replica.Machine.Committed, Is.Ordered.And.Unique);
    }

    [Test]
    public async Task What_a_failing_command_wrote_does_not_stay()
    {
        var replica = _cluster.Start(1);
        await replica.UntilAsync(RuntimeState.Applying);
        replica.Machine.IsPoison = static c => c == "set k poison";
        await replica.ProposeAsync("set k v");
        Assert.That(async () => await replica.ProposeAsync("set k poison"), Throws.TypeOf<DelosException>());
        await replica.UntilAsync(RuntimeState.Poisoned);
        Assert.That(await replica.ReadAsync("k", ReadLevel.Stale), Is.EqualTo("v"));

        // The cause was this program, not the entry: with a better one the replica goes on.
        await replica.StopAsync();
        replica.Machine.IsPoison = static _ => false;
        _cluster.Start(1);
        await replica.UntilAsync(RuntimeState.Applying);
        Assert.That(await replica.ReadAsync("k"), Is.EqualTo("poison"));
    }

    [Test]
    public async Task A_store_that_fails_is_not_taken_for_a_poisonous_entry()
    {
        var replica = _cluster.Start(1);
        await replica.UntilAsync(RuntimeState.Applying);
        await replica.ProposeAsync("set k v");
        replica.Machine.IsPoison = static _ => throw new LocalStoreException("the disk is on fire");
        Assert.That(async () => await replica.ProposeAsync("set k w"), Throws.TypeOf<DelosException>().With.Property(nameof(DelosException.Code)).EqualTo(DelosErrorCode.OutcomeUnknown));
        await replica.UntilAsync(RuntimeState.Failed);
        Assert.That(replica.Status.Problem, Does.Contain("the disk is on fire"));
        await replica.StopAsync();
        replica.Machine.IsPoison = static _ => false;
        _cluster.Start(1);
        await replica.UntilAsync(RuntimeState.Applying);
        Assert.That(await replica.ReadAsync("k"), Is.EqualTo("w"));
    }

    [Test]
    public async Task A_replica_that_computes_something_else_stops_and_the_others_go_on()
    {
        RuntimeCluster.Replica[] replicas = [_cluster.Start(1), _cluster.Start(2), _cluster.Start(3)];
        replicas[2].Machine.Distort = static v => v + "!";
        foreach (var replica in replicas) await replica.UntilAsync(RuntimeState.Applying);
        await replicas[0].ProposeAsync("set k v");

        // The second report of each tells what its state was at an earlier one.
        for (var round = 0; round < 2; round++)
        {
            foreach (var replica in replicas.Where(r => r.Status.State == RuntimeState.Applying)) await TryReportAsync(replica);
        }

        await replicas[2].UntilAsync(RuntimeState.Diverged);
        Assert.That(replicas[2].Status.Problem, Does.Contain("another state than the others").And.Contain("wipe it"));
        Assert.That(async () => await replicas[2].ReadAsync("k", ReadLevel.Stale), Throws.TypeOf<DelosException>());
        Assert.That(await replicas[0].ReadAsync("k"), Is.EqualTo("v"));
        Assert.That(replicas[1].Status.State, Is.EqualTo(RuntimeState.Applying));

        // It does not forget when it is started again.
        await replicas[2].StopAsync();
        _cluster.Start(3);
        await replicas[2].UntilAsync(RuntimeState.Diverged);

        // Wiped, it takes the others' state.
        await replicas[2].StopAsync();
        await replicas[2].Stores.ClearAsync(default);
        replicas[2].Machine.Distort = static v => v;
        _cluster.Start(3);
        await replicas[2].UntilAsync(RuntimeState.Applying);
        Assert.That(await replicas[2].ReadAsync("k"), Is.EqualTo("v"));
    }

    [Test]
    [Category("Trap24")]
    public async Task The_log_is_trimmed_up_to_a_snapshot_and_the_slowest_replica()
    {
        RuntimeCluster.Replica[] replicas = [_cluster.Start(1), _cluster.Start(2)];
        foreach (var replica in replicas) await replica.UntilAsync(RuntimeState.Applying);
        for (var i = 0; i < 30; i++) await replicas[0].ProposeAsync("add n 1");
        await replicas[0].Runtime.ReportAsync();
        await replicas[1].CatchUpAndReportAsync();
        var log = _cluster.Log;
        Assert.That(await log.FirstPositionAsync(), Is.Zero, "without a snapshot everything is needed");

        await replicas[0].Runtime.SnapshotAsync();
        var snapshot = replicas[0].Status.Snapshot;
        Assert.That(snapshot, Is.GreaterThan(0));
        Assert.That(await log.FirstPositionAsync(), Is.Zero, "nobody has agreed with that state yet");
        while (replicas[0].Status.TrimPoint == 0) await ReportAllAsync(replicas);
        await replicas[0].CatchUpAndReportAsync();
        Assert.That(await log.FirstPositionAsync(), Is.EqualTo(snapshot), "the replicas are beyond it");

        var slowest = replicas[1].Status.DurableCursor;
        await replicas[1].StopAsync();
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < 10; i++) await replicas[0].ProposeAsync("add n 1");
            await replicas[0].Runtime.SnapshotAsync();
        }

        Assert.That(await log.FirstPositionAsync(), Is.InRange(snapshot, slowest), "a replica needs the rest, also while it is away");
        _cluster.Start(2);
        await replicas[1].UntilAsync(RuntimeState.Applying);
        Assert.That(await replicas[1].ReadAsync("n"), Is.EqualTo("60"));
    }

    [Test]
    [Category("Trap24")]
    public async Task A_diverged_replica_that_is_started_again_keeps_the_snapshot_up_to_which_the_log_was_trimmed()
    {
        RuntimeCluster.Replica[] replicas = [_cluster.Start(1), _cluster.Start(2), _cluster.Start(3)];
        foreach (var replica in replicas) await replica.UntilAsync(RuntimeState.Applying);
        await replicas[0].ProposeAsync("set k v");
        await ReportAllAsync(replicas);
        await replicas[2].Runtime.SnapshotAsync();
        var agreed = new SnapshotInfo(replicas[2].Status.Snapshot, 3);
        while (replicas[2].Status.TrimPoint == 0) await ReportAllAsync(replicas);
        await ReportAllAsync(replicas);
        Assert.That(await _cluster.Log.FirstPositionAsync(), Is.EqualTo(agreed.Cursor));

        replicas[2].Machine.Distort = static v => v + "!";
        await replicas[0].ProposeAsync("set k w");
        while (replicas[2].Status.State == RuntimeState.Applying)
        {
            foreach (var replica in replicas.Where(r => r.Status.State == RuntimeState.Applying)) await TryReportAsync(replica);
        }

        await replicas[2].StopAsync();
        _cluster.Start(3, static o => o with { ReportEvery = TimeSpan.FromMilliseconds(20) });
        await replicas[2].UntilAsync(RuntimeState.Diverged);

        // It takes back what nobody agreed with, twice: after the first time, too, the other one must still be there.
        for (var later = 1; later <= 2; later++)
        {
            var wrong = agreed with { Cursor = agreed.Cursor + (1000 * later) };
            await _cluster.Snapshots.SaveAsync(wrong.Replica, directory => { Directory.CreateDirectory(directory); return ValueTask.FromResult(wrong.Cursor); }, default);
            while ((await _cluster.Snapshots.ListAsync(default)).Contains(wrong)) await Task.Delay(5);
        }

        Assert.That(await _cluster.Snapshots.ListAsync(default), Does.Contain(agreed));
    }

    [Test]
    [Category("Trap24")]
    public async Task A_replica_that_is_gone_is_evicted_and_comes_back_by_snapshot()
    {
        var impatient = (RuntimeOptions o) => o with { ReportEvery = TimeSpan.FromMilliseconds(20), EvictAfter = TimeSpan.FromMilliseconds(300) };
        var (stays, goes) = (_cluster.Start(1, impatient), _cluster.Start(2, impatient));
        await stays.UntilAsync(RuntimeState.Applying);
        await goes.UntilAsync(RuntimeState.Applying);
        await goes.ProposeAsync("add n 1");
        await goes.CatchUpAndReportAsync();
        var left = goes.Status.Cursor;
        await goes.CrashAsync();
        for (var i = 0; i < 20; i++) await stays.ProposeAsync("add n 1");
        var log = _cluster.Log;
        await stays.Runtime.SnapshotAsync();
        while (await log.FirstPositionAsync() <= left + 5)
        {
            await stays.ProposeAsync("add m 1");
            await stays.Runtime.SnapshotAsync();
            await Task.Delay(20);
        }

        _cluster.Start(2, impatient);
        await goes.UntilAsync(RuntimeState.Applying);
        Assert.That(await goes.ReadAsync("n"), Is.EqualTo("21"));
        await goes.CatchUpAndReportAsync();
        Assert.That(await stays.ReadAsync("m"), Is.EqualTo(await goes.ReadAsync("m")));
    }

    [Test]
    public async Task A_damaged_snapshot_is_passed_over_for_an_older_one()
    {
        var replica = _cluster.Start(1);
        await replica.UntilAsync(RuntimeState.Applying);
        await replica.ProposeAsync("set k v");
        await replica.Runtime.SnapshotAsync();
        await replica.ProposeAsync("set k w");
        await replica.Runtime.SnapshotAsync();
        var snapshots = await _cluster.Snapshots.ListAsync(default);
        Assert.That(snapshots, Has.Count.EqualTo(2));
        var file = Directory.EnumerateFiles(await _cluster.Snapshots.FetchAsync(snapshots[0], default)).First();
        var bytes = await File.ReadAllBytesAsync(file);
        bytes[^1] ^= 1;
        await File.WriteAllBytesAsync(file, bytes);
        Assert.That(await _cluster.Log.FirstPositionAsync(), Is.EqualTo(snapshots[1].Cursor));
        var wiped = _cluster.Start(2);
        await wiped.UntilAsync(RuntimeState.Applying);
        Assert.That(await wiped.ReadAsync("k"), Is.EqualTo("w"));
    }

    [Test]
    public async Task A_replica_that_cannot_make_its_state_durable_says_so_and_reports_nothing()
    {
        RuntimeCluster.Replica[] replicas = [_cluster.Start(1), _cluster.Start(2)];
        foreach (var replica in replicas) await replica.UntilAsync(RuntimeState.Applying);
        await replicas[0].ProposeAsync("set k v");
        await ReportAllAsync(replicas);
        await replicas[0].Runtime.CatchUpAsync();
        var durable = replicas[1].Status.DurableCursor;
        var reported = replicas[0].Status.Commands;
        replicas[1].Faults.Flush = static () => new LocalStoreException("the disk is on fire");
        await replicas[0].ProposeAsync("set k w");
        await replicas[1].Runtime.CatchUpAsync();
        Assert.That(async () => await replicas[1].Runtime.ReportAsync(), Throws.TypeOf<LocalStoreException>());
        Assert.That(async () => await replicas[1].Runtime.SnapshotAsync(), Throws.TypeOf<LocalStoreException>());
        Assert.That(replicas[1].Status.Problem, Does.Contain("cannot make its state durable").And.Contain("the disk is on fire"));
        Assert.That((replicas[1].Status.State, replicas[1].Status.DurableCursor), Is.EqualTo((RuntimeState.Applying, durable)));
        Assert.That(await replicas[1].ReadAsync("k"), Is.EqualTo("w"), "what it has is right");
        await replicas[0].Runtime.CatchUpAsync();
        Assert.That(replicas[0].Status.Commands, Is.EqualTo(reported + 1), "no report but the command");

        replicas[1].Faults.Flush = null;
        await replicas[1].Runtime.ReportAsync();
        Assert.That((replicas[1].Status.Problem, replicas[1].Status.DurableCursor), Is.EqualTo(("", durable + 2)));
    }

    [Test]
    public async Task A_replica_that_cannot_write_snapshots_says_so_and_still_counts()
    {
        var replica = _cluster.Start(1);
        await replica.UntilAsync(RuntimeState.Applying);
        await replica.ProposeAsync("set k v");
        replica.Faults.Checkpoint = static () => throw new IOException("no room");
        Assert.That(async () => await replica.Runtime.SnapshotAsync(), Throws.TypeOf<IOException>());
        Assert.That(replica.Status.Problem, Does.Contain("cannot write a snapshot: no room"));
        Assert.That((replica.Status.Snapshot, replica.Status.DurableCursor, replica.Status.Commands), Is.EqualTo((-1L, 1L, 2L)), "its state was made durable, and reported");
        replica.Faults.Checkpoint = null;
        await replica.Runtime.SnapshotAsync();
        Assert.That((replica.Status.Problem, replica.Status.Snapshot), Is.EqualTo(("", 2L)));
    }

    [Test]
    public async Task A_snapshot_holds_exactly_what_is_below_its_cursor()
    {
        var replica = _cluster.Start(1);
        await replica.UntilAsync(RuntimeState.Applying);
        using var stop = new CancellationTokenSource();
        var proposing = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested) await replica.ProposeAsync("add n 1");
        });

        // Time enough for what must not happen: of two commands that are applied, the first is committed.
        replica.Faults.Checkpoint = () =>
        {
            var before = replica.Machine.Applied;
            SpinWait.SpinUntil(() => Volatile.Read(ref replica.Machine.Applied) > before + 1, TimeSpan.FromMilliseconds(100));
        };
        for (var round = 0; round < 4; round++)
        {
            await replica.ProposeAsync("add m 1");
            await replica.Runtime.SnapshotAsync();
            var newest = (await _cluster.Snapshots.ListAsync(default))[0];
            var stores = new MemoryStoreFactory();
            await stores.RestoreAsync(await _cluster.Snapshots.FetchAsync(newest, default), default);
            using var store = stores.Open();
            using var state = store.Snapshot();
            Assert.That(CursorRecord.Load(state).Next, Is.EqualTo(newest.Cursor));
        }

        await stop.CancelAsync();
        await proposing;
    }

    private static async Task ReportAllAsync(RuntimeCluster.Replica[] replicas)
    {
        foreach (var replica in replicas) await replica.CatchUpAndReportAsync();
    }

    /// <summary>It may find out, while its report is under way, that it must not go on.</summary>
    private static async Task TryReportAsync(RuntimeCluster.Replica replica)
    {
        try
        {
            await replica.CatchUpAndReportAsync();
        }
        catch (DelosException e) when (e.Code is DelosErrorCode.Unavailable or DelosErrorCode.OutcomeUnknown)
        {
            Assert.That(replica.Status.State, Is.EqualTo(RuntimeState.Diverged));
        }
    }
}
