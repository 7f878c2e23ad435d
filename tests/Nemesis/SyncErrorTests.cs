using Delos.Client;
using Delos.Protocol.Chains;
using Delos.Tests.Histories;
using Delos.Tests.Processes;

namespace Delos.Tests.Nemesis;

/// <summary>
/// Disks that answer EIO, at each of the calls by which a daemon makes something durable: .NET would swallow such an error (DESIGN §6), so none of them may go through it. The call is not carried out, so what was to be
/// written is really lost.
/// </summary>
[Category("Trap25")]
public sealed class SyncErrorTests : ProcessFixture
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [TestCase("pwrite64", 3, TestName = "A_write_that_fails_ends_the_node_and_the_striped_log_goes_on")]
    [TestCase("pwritev", 1, TestName = "A_gathered_write_that_fails_ends_the_node_and_the_log_goes_on")]
    [TestCase("fdatasync", 3, TestName = "A_data_sync_that_fails_ends_the_node_and_the_striped_log_goes_on")]
    [TestCase("fsync", 1, TestName = "A_directory_sync_that_fails_ends_the_node_and_the_log_goes_on")]
    public async Task A_sync_that_fails_ends_the_node(string call, int stripes)
    {
        await StartClusterAsync();
        var history = new LogHistory();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        await using var load = LogLoad.Start(Cluster.Endpoints, Log, appenders: 4, outstanding: 32, history);
        await load.AdvanceAsync(500, s_patience);
        if (stripes > 1)
        {
            await SwitchAsync(client, LogPolicy.Striped(3, stripes));
            await load.AdvanceAsync(500, s_patience);
        }

        var victim = await SequencerNodeAsync(client);
        await using (await SyscallErrors.StartAsync(Cluster[victim].ProcessId, call, "EIO"))
        {
            await UntilEndedAsync(client, victim);
        }

        Assert.That(await File.ReadAllTextAsync(Cluster[victim].LogFile), Does.Contain("met an I/O error on its log"), "the node says why it ended");
        await load.AdvanceAsync(500, s_patience);
        await Cluster.RestartAsync(victim, CancellationToken.None);
        await load.AdvanceAsync(500, s_patience);
        await load.StopAsync();
        await CheckAsync(history);
        await WaitUntilFullAsync(client, s_patience);
    }

    [Test]
    public async Task Nothing_is_acknowledged_once_the_writes_of_all_nodes_fail()
    {
        await StartClusterAsync();
        var history = new LogHistory();
        await using var load = LogLoad.Start(Cluster.Endpoints, Log, appenders: 4, outstanding: 32, history);
        await load.AdvanceAsync(2_000, s_patience);
        var errors = await Task.WhenAll(Cluster.Nodes.Select(n => SyscallErrors.StartAsync(n.ProcessId, "pwrite64,pwritev", "EIO")));
        using var deadline = new CancellationTokenSource(s_patience);
        while (Cluster.Nodes.Any(n => n.IsRunning)) await Task.Delay(20, deadline.Token);
        foreach (var error in errors) await error.DisposeAsync();
        await Task.WhenAll(Cluster.Nodes.Select(n => Cluster.RestartAsync(n.NodeId, CancellationToken.None)));
        await load.AdvanceAsync(500, s_patience);
        await load.StopAsync();
        await CheckAsync(history);
    }

    /// <summary>Most calls come by themselves under load; files are made and directories synced when a segment begins.</summary>
    private async Task UntilEndedAsync(DelosClient client, uint victim)
    {
        using var deadline = new CancellationTokenSource(s_patience);
        while (Cluster[victim].IsRunning)
        {
            if (deadline.IsCancellationRequested) Assert.Fail($"Node {victim} goes on although its disk fails.");
            try
            {
                await client.Admin.ReconfigExtendAsync(Log, cancellationToken: deadline.Token);
            }
            catch (DelosException e) when (e.IsTransient)
            {
                TestContext.Out.WriteLine($"reconfiguration: {e.Message}");
            }

            await Task.Delay(50, CancellationToken.None);
        }
    }
}
