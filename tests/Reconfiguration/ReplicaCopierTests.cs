using Delos.Client.Reconfiguration;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Tests.Loglets;

namespace Delos.Tests.Reconfiguration;

/// <summary>Copies between real LogServers.</summary>
[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public class ReplicaCopierTests
{
    private MiniCluster? _cluster;

    private MiniCluster Cluster => _cluster ?? throw new InvalidOperationException("Not started.");

    [SetUp]
    public async Task SetUp() => _cluster = await MiniCluster.StartAsync();

    [TearDown]
    public async Task TearDown() => await Cluster.DisposeAsync();

    [TestCase(0), TestCase(7), TestCase(20)]
    public async Task A_segment_trimmed_so_far_is_copied_with_its_trim_point_and_its_end(int trimmed)
    {
        var config = await Cluster.CreateAsync();
        await using var source = Cluster.Factory.Open(config);
        using var appender = new TestAppender(source, 1);
        await appender.PutManyAsync(20, i => $"{i}");
        Assert.That((await source.SealAsync(default)).Tail, Is.EqualTo(20));
        Assert.That(await source.TrimAsync(trimmed, 20, default), Is.EqualTo(trimmed));
        var target = config with { Id = LogletId.NewRandom(), SequencerNode = 0, Incarnation = 0 };
        await new ReplicaCopier(Cluster.ConnectAsync).CopyAsync(source, 20, target);

        await using var copy = Cluster.Factory.Open(target);
        foreach (var replica in (await copy.DescribeAsync(default)).Replicas)
            Assert.That((replica.IsSealed, replica.DurableTail, replica.TrimPoint), Is.EqualTo((true, 20L, (long)trimmed)), $"node {replica.Replica.NodeId}");
        Assert.That(await copy.ReadAllAsync(trimmed, 20), Is.EqualTo(Enumerable.Range(trimmed, 20 - trimmed).Select(i => $"{i}")));
        if (trimmed == 0) return;
        using var below = await copy.ReadNextAsync(0, 20, 20, 1000, default);
        Assert.That((below.Status, below.TrimPoint), Is.EqualTo((StatusCode.Trimmed, (long)trimmed)), "never a silent skip");
    }
}
