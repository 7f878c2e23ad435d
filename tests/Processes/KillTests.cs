using Delos.Client;
using Delos.Protocol.Chains;
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
        var pauses = new List<(LogletKind Kind, TimeSpan Pause)>();
        for (var round = 0; round < 10; round++)
        {
            // Half of the deaths are of a stripe's sequencer; a new segment, so that all nodes that live sequence some.
            if (round >= 5) await SwitchAsync(client, LogPolicy.Striped(3, 3));
            var active = (await client.Admin.ChainAsync(Log)).Active.Loglet;
            var victim = active.SequencerNodes[round % active.SequencerNodes.Count];
            load.TakeLongestPause();
            await Cluster[victim].KillAsync();
            await load.AdvanceAsync(300, s_patience);
            pauses.Add((active.Kind, load.TakeLongestPause()));
            Assert.That(await SequencerNodesAsync(client), Has.No.Member(victim));
            await Cluster.RestartAsync(victim, CancellationToken.None);
            await load.AdvanceAsync(200, s_patience);
        }

        await load.StopAsync();
        await CheckAsync(history);
        await WaitUntilFullAsync(client, s_patience);
        TestContext.Out.WriteLine($"{load.Acknowledged} appends acknowledged; longest wait for one {load.LongestGap.TotalMilliseconds:F0} ms; no append acknowledged for {string.Join(", ", pauses.Select(p => $"{p.Pause.TotalMilliseconds:F0} ms ({p.Kind})"))}");
    }

    [Test]
    public async Task Ten_deaths_of_the_whole_cluster_lose_nothing()
    {
        await StartClusterAsync();
        var history = new LogHistory();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        await using var load = LogLoad.Start(Cluster.Endpoints, Log, appenders: 8, outstanding: 4, history);
        await load.AdvanceAsync(500, s_patience);
        for (var round = 0; round < 10; round++)
        {
            if (round == 4) await SwitchAsync(client, LogPolicy.Striped(3, 3));
            if (round == 7) await SwitchAsync(client, LogPolicy.Striped(1, 3, sharded: true));
            await Task.WhenAll(Cluster.Nodes.Select(n => n.KillAsync()));
            await Task.WhenAll(Cluster.Nodes.Select(n => Cluster.RestartAsync(n.NodeId, CancellationToken.None)));
            await load.AdvanceAsync(500, s_patience);
        }

        // One node is the majority of its stripe's LogServers: nothing is acknowledged for good before it is back, and then all goes on by itself.
        await Cluster[2].KillAsync();
        await UntilNothingIsAcknowledgedAsync(load);
        await Cluster.RestartAsync(2, CancellationToken.None);
        await load.AdvanceAsync(500, s_patience);
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
            if (round % 6 == 3 * (seed - 1)) await SwitchAsync(client, LogPolicy.Striped(3, 1 + random.Next(5)));
            else if (round % 6 == 3) await SwitchAsync(client, LogPolicy.Native(3));
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

    private static async Task UntilNothingIsAcknowledgedAsync(LogLoad load)
    {
        using var deadline = new CancellationTokenSource(s_patience);
        for (var seen = -1L; seen != load.Acknowledged; await Task.Delay(200, deadline.Token)) seen = load.Acknowledged;
    }
}
