using Delos.Runtime;
using Delos.Tests.Snapshots;

namespace Delos.Tests.Runtime;

/// <summary>Replicas that keep their snapshots each on its own node, some of which are gone, and copy them from each other.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
[Category("Trap24")]
public class PeerReplicaTests
{
    private readonly SnapshotNodes _nodes = new();
    private readonly RuntimeCluster _cluster = new();

    [SetUp]
    public void Connect() => _cluster.SnapshotsOf = id => _nodes.Of((uint)id);

    [TearDown]
    public async Task EndAsync()
    {
        await _cluster.DisposeAsync();
        await _nodes.DisposeAsync();
    }

    [Test]
    public async Task The_log_is_trimmed_when_two_replicas_keep_a_snapshot()
    {
        var replicas = await StartAsync(1, 2, 3);
        for (var i = 0; i < 30; i++) await replicas[0].ProposeAsync("add n 1");
        await replicas[0].Runtime.SnapshotAsync();
        for (var round = 0; round < 4; round++) await ReportAllAsync(replicas);
        Assert.That(await _cluster.Log.FirstPositionAsync(), Is.Zero, "only one has it");
        var first = replicas[0].Status.Snapshot;
        await replicas[1].Runtime.SnapshotAsync();
        await UntilTrimmedAsync(replicas);
        Assert.That(await _cluster.Log.FirstPositionAsync(), Is.EqualTo(first));
    }

    [Test]
    public async Task Who_is_new_or_wiped_copies_a_snapshot_of_a_peer_that_is_there()
    {
        var replicas = await StartAsync(1, 2, 3);
        for (var i = 0; i < 30; i++) await replicas[0].ProposeAsync("add n 1");
        await replicas[0].Runtime.SnapshotAsync();
        await replicas[1].Runtime.SnapshotAsync();
        await UntilTrimmedAsync(replicas);

        // One of the two that have it dies; another replica loses its disk.
        await replicas[0].StopAsync();
        await _nodes.StopAsync(1);
        await replicas[2].StopAsync();
        await replicas[2].Stores.ClearAsync(default);
        if (Directory.Exists(_nodes.DirectoryOf(3))) Directory.Delete(_nodes.DirectoryOf(3), recursive: true);
        foreach (var replica in await StartAsync(3, 4))
        {
            Assert.That(await replica.ReadAsync("n"), Is.EqualTo("30"));
            await replica.Runtime.CatchUpAsync();
            await replica.Runtime.ReportAsync();
            Assert.That(await _nodes.Of((uint)(replica == _cluster[3] ? 3 : 4)).ListOwnAsync(default), Has.Count.EqualTo(1), "it sees at once to one of its own: the log does not have the rest");
        }

        Assert.That(new[] { 2UL, 3UL, 4UL }.Select(id => _cluster[id]).Select(r => r.Status.State), Is.All.EqualTo(RuntimeState.Applying));
    }

    [Test]
    public async Task When_all_who_had_a_snapshot_are_gone_who_has_the_state_writes_one()
    {
        var replicas = await StartAsync(1, 2, 3);
        for (var i = 0; i < 30; i++) await replicas[0].ProposeAsync("add n 1");
        await replicas[0].Runtime.SnapshotAsync();
        await replicas[1].Runtime.SnapshotAsync();
        await UntilTrimmedAsync(replicas, reporting: 2);
        await replicas[2].Runtime.CatchUpAsync();
        Assert.That(await _nodes.Of(3).ListOwnAsync(default), Is.Empty);
        foreach (var id in new uint[] { 1, 2 })
        {
            await _cluster[id].StopAsync();
            await _nodes.StopAsync(id);
        }

        var late = _cluster.Start(4);
        _nodes.Start(4);
        await late.UntilProblemAsync("there is no snapshot from there on");
        await replicas[2].Runtime.ReportAsync();
        await late.UntilAsync(RuntimeState.Applying);
        Assert.That(await late.ReadAsync("n"), Is.EqualTo("30"));
    }

    [Test]
    public async Task Replicas_of_which_nothing_is_wanted_do_not_write_snapshot_after_snapshot()
    {
        var replicas = await StartAsync(1, 2, 3);
        for (var i = 0; i < 30; i++) await replicas[0].ProposeAsync("add n 1");
        foreach (var replica in replicas)
        {
            await replica.Runtime.CatchUpAsync();
            await replica.Runtime.SnapshotAsync();
        }

        await UntilTrimmedAsync(replicas);
        for (var round = 0; round < 4; round++) await ReportAllAsync(replicas);
        var before = replicas.Select(static r => r.Status.Snapshot).ToList();
        for (var round = 0; round < 8; round++) await ReportAllAsync(replicas);
        Assert.That(replicas.Select(static r => r.Status.Snapshot), Is.EqualTo(before));

        // The log is trimmed nevertheless when there is something new.
        var first = await _cluster.Log.FirstPositionAsync();
        for (var turn = 0; turn < 2; turn++)
        {
            await replicas[0].ProposeAsync("add n 1");
            foreach (var replica in replicas)
            {
                await replica.Runtime.CatchUpAsync();
                await replica.Runtime.SnapshotAsync();
            }
        }

        for (var round = 0; round < 4; round++) await ReportAllAsync(replicas);
        Assert.That(await _cluster.Log.FirstPositionAsync(), Is.GreaterThan(first));
    }

    private async Task<RuntimeCluster.Replica[]> StartAsync(params uint[] ids)
    {
        foreach (var id in ids) _nodes.Start(id);
        RuntimeCluster.Replica[] replicas = [.. ids.Select(id => _cluster.Start(id))];
        foreach (var replica in replicas) await replica.UntilAsync(RuntimeState.Applying);

        // One that has nobody beside it would not wait for a second one.
        if (ids[0] == 1) await ReportAllAsync(replicas);
        return replicas;
    }

    private static async Task ReportAllAsync(IEnumerable<RuntimeCluster.Replica> replicas)
    {
        foreach (var replica in replicas) await replica.CatchUpAndReportAsync();
    }

    /// <summary>All report until something may go, and then those of the first that are to report on do.</summary>
    private async Task UntilTrimmedAsync(RuntimeCluster.Replica[] replicas, int reporting = int.MaxValue)
    {
        for (var round = 0; replicas[0].Status.TrimPoint == 0; round++)
        {
            Assert.That(round, Is.LessThan(20), "nothing may be trimmed");
            foreach (var replica in replicas)
            {
                await replica.Runtime.CatchUpAsync();
                if (replica.Status.TrimPoint == 0) await replica.Runtime.ReportAsync();
            }
        }

        await ReportAllAsync(replicas.Take(reporting));
        Assert.That(await _cluster.Log.FirstPositionAsync(), Is.GreaterThan(0));
    }
}
