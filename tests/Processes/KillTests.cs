using Delos.Client;
using Delos.Tests.Histories;

namespace Delos.Tests.Processes;

/// <summary>SIGKILL of real processes under load.</summary>
public sealed class KillTests : ProcessFixture
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Test]
    [Category("Trap07")]
    [Category("Trap17")]
    public async Task Ten_deaths_of_the_sequencers_node_lose_and_double_nothing()
    {
        await StartClusterAsync();
        var history = new LogHistory();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        await using var load = LogLoad.Start(Cluster.Endpoints, Log, appenders: 8, outstanding: 2, history);
        await load.AdvanceAsync(500, s_patience);
        for (var round = 0; round < 10; round++)
        {
            var victim = await SequencerNodeAsync(client);
            await Cluster[victim].KillAsync();
            await load.AdvanceAsync(300, s_patience);
            Assert.That(await SequencerNodeAsync(client), Is.Not.EqualTo(victim));
            await Cluster.RestartAsync(victim, CancellationToken.None);
            await load.AdvanceAsync(200, s_patience);
        }

        await load.StopAsync();
        await CheckAsync(history);
        await WaitUntilFullAsync(client, s_patience);
        TestContext.Out.WriteLine($"{load.Acknowledged} appends acknowledged; longest wait for one {load.LongestGap.TotalMilliseconds:F0} ms");
    }

    [Test]
    public async Task Ten_deaths_of_the_whole_cluster_lose_nothing()
    {
        await StartClusterAsync();
        var history = new LogHistory();
        await using var load = LogLoad.Start(Cluster.Endpoints, Log, appenders: 8, outstanding: 4, history);
        await load.AdvanceAsync(500, s_patience);
        for (var round = 0; round < 10; round++)
        {
            await Task.WhenAll(Cluster.Nodes.Select(n => n.KillAsync()));
            await Task.WhenAll(Cluster.Nodes.Select(n => Cluster.RestartAsync(n.NodeId, CancellationToken.None)));
            await load.AdvanceAsync(500, s_patience);
        }

        await load.StopAsync();
        await CheckAsync(history);
    }

    [Test]
    public async Task Deaths_of_any_node_at_random_moments_lose_nothing([Values(1, 2)] int seed)
    {
        await StartClusterAsync();
        var random = new Random(seed);
        var history = new LogHistory();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        await using var load = LogLoad.Start(Cluster.Endpoints, Log, appenders: 4, outstanding: 16, history);
        await load.AdvanceAsync(500, s_patience);
        for (var round = 0; round < 12; round++)
        {
            await load.AdvanceAsync(random.Next(2_000), s_patience);
            var victim = (uint)random.Next(1, 4);
            await Cluster[victim].KillAsync();
            if (random.Next(2) == 0) await load.AdvanceAsync(random.Next(500), s_patience);
            await Cluster.RestartAsync(victim, CancellationToken.None);
        }

        await load.AdvanceAsync(500, s_patience);
        await load.StopAsync();
        await CheckAsync(history);
        await WaitUntilFullAsync(client, s_patience);
    }
}
