using System.Diagnostics;
using Delos.Client;
using Delos.Protocol.Chains;
using Delos.Tests.Histories;
using Delos.Tests.Processes;

namespace Delos.Tests.Nemesis;

/// <summary>Processes that stand still and then go on as if nothing had happened: they accept connections, say nothing, and wake up with a view of the world that is long out of date.</summary>
public sealed class FreezeTests : ProcessFixture
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Test]
    [Category("Trap05")]
    [Category("Trap07")]
    public async Task A_frozen_sequencer_is_replaced_and_does_no_harm_when_it_wakes_up()
    {
        await StartClusterAsync();
        var history = new LogHistory();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        await using var load = LogLoad.Start(Cluster.Endpoints, Log, appenders: 8, outstanding: 4, history);
        await load.AdvanceAsync(500, s_patience);
        for (var round = 0; round < 3; round++)
        {
            // In the end one of three sequencers.
            if (round > 0) await SwitchAsync(client, LogPolicy.Striped(3, 3));
            var victim = (await SequencerNodesAsync(client))[^1];
            var begun = Stopwatch.GetTimestamp();
            await Signals.SendAsync("STOP", Cluster[victim].ProcessId);
            await load.AdvanceAsync(200, s_patience);
            TestContext.Out.WriteLine($"appends go on {Stopwatch.GetElapsedTime(begun).TotalMilliseconds:F0} ms after the freeze");
            Assert.That(await SequencerNodesAsync(client), Has.No.Member(victim));
            await Signals.SendAsync("CONT", Cluster[victim].ProcessId);
            await load.AdvanceAsync(200, s_patience);
        }

        await load.StopAsync();
        await CheckAsync(history);
        await WaitUntilFullAsync(client, s_patience);
    }

    [Test]
    public async Task A_frozen_LogServer_holds_up_nothing_and_is_full_again_after_it_wakes_up()
    {
        await StartClusterAsync();
        var history = new LogHistory();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        await using var load = LogLoad.Start(Cluster.Endpoints, Log, appenders: 8, outstanding: 16, history);
        await load.AdvanceAsync(500, s_patience);
        var victim = await SequencerNodeAsync(client) % 3 + 1;
        await Signals.SendAsync("STOP", Cluster[victim].ProcessId);
        await load.AdvanceAsync(20_000, s_patience);
        await Signals.SendAsync("CONT", Cluster[victim].ProcessId);
        await load.AdvanceAsync(500, s_patience);
        await load.StopAsync();
        await client.Admin.ReconfigExtendAsync(Log);
        await CheckAsync(history);
        await WaitUntilFullAsync(client, s_patience);
    }
}
