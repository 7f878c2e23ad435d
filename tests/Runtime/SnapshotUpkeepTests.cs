using Delos.Runtime;

namespace Delos.Tests.Runtime;

/// <summary>Which snapshots a replica keeps.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public class SnapshotUpkeepTests
{
    private readonly RuntimeCluster _cluster = new();

    [TearDown]
    public async Task EndAsync() => await _cluster.DisposeAsync();

    [Test]
    public async Task A_snapshot_that_is_being_copied_stays_until_the_copy_is_over()
    {
        var snapshots = new LentSnapshots(_cluster.Snapshots);
        _cluster.SnapshotsOf = _ => snapshots;
        var replica = _cluster.Start(1, static o => o with { SnapshotsKept = 1 });
        await replica.UntilAsync(RuntimeState.Applying);
        var first = await NextAsync();
        snapshots.Lent = first;
        var second = await NextAsync();
        var third = await NextAsync();
        Assert.That(await snapshots.ListAsync(default), Is.EqualTo(new[] { third, first }), $"without {second}");
        Assert.That(await _cluster.Log.FirstPositionAsync(), Is.GreaterThan(first.Cursor), "it does not hold up the trimming");
        snapshots.Lent = null;
        await replica.Runtime.ReportAsync();
        Assert.That(await snapshots.ListAsync(default), Is.EqualTo(new[] { third }));

        async Task<SnapshotInfo> NextAsync()
        {
            await replica.ProposeAsync("add n 1");
            await replica.Runtime.SnapshotAsync();
            await replica.Runtime.CatchUpAsync();
            await replica.Runtime.ReportAsync();
            return (await snapshots.ListAsync(default))[0];
        }
    }

    /// <summary>Another store's snapshots, of which one is being copied.</summary>
    private sealed class LentSnapshots(ISnapshotStore inner) : ISnapshotStore
    {
        public SnapshotInfo? Lent { get; set; }

        public ValueTask<IReadOnlyList<SnapshotInfo>> ListAsync(CancellationToken cancellationToken) => inner.ListAsync(cancellationToken);

        public ValueTask<SnapshotInfo> SaveAsync(ulong replica, Func<string, ValueTask<long>> write, CancellationToken cancellationToken) => inner.SaveAsync(replica, write, cancellationToken);

        public ValueTask<string> FetchAsync(SnapshotInfo snapshot, CancellationToken cancellationToken) => inner.FetchAsync(snapshot, cancellationToken);

        public bool IsInUse(SnapshotInfo snapshot) => snapshot == Lent;

        public ValueTask DeleteAsync(SnapshotInfo snapshot, CancellationToken cancellationToken) => inner.DeleteAsync(snapshot, cancellationToken);
    }
}
