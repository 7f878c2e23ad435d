using System.Globalization;
using Delos.Client;
using Delos.Client.Admin;
using Delos.Daemon.Dev;
using Delos.Tests.Histories;
using Delos.Tests.Processes;

namespace Delos.Tests.Nemesis;

/// <summary>Processes that run out of file descriptors or of memory.</summary>
public sealed class ResourceTests : ProcessFixture
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Test]
    public async Task Nodes_without_file_descriptors_say_so_and_go_on_when_they_have_some_again()
    {
        await StartClusterAsync();
        var history = new LogHistory();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        await using var load = LogLoad.Start(Cluster.Endpoints, Log, appenders: 4, outstanding: 8, history, options: new LogLoadOptions { IsRefusal = e => e.Code is DelosErrorCode.DiskFull });
        await load.AdvanceAsync(500, s_patience);

        // One node alone holds up nothing, whatever needs a new file or connection.
        var victim = await SequencerNodeAsync(client);
        await LimitFilesAsync(victim, "1");
        await load.AdvanceAsync(500, s_patience);
        await ExtendAsync(client, new ReconfigExtendOptions { Sequencer = victim % 3 + 1 });
        await load.AdvanceAsync(500, s_patience);
        if (await RunsWithoutFilesAsync(victim)) await UntilItSaysAsync(victim, "Too many open files", s_patience);
        await GiveFilesAsync(victim);
        await load.AdvanceAsync(500, s_patience);

        // All of them: what needs none goes on, the rest waits.
        foreach (var node in Cluster.Nodes.Where(n => n.IsRunning)) await LimitFilesAsync(node.NodeId, "1");
        await TryReconfigureAsync(client);
        await Task.Delay(500);

        // At once: of those that have to be started again none is ready without the others.
        await Task.WhenAll(Cluster.Nodes.Select(n => GiveFilesAsync(n.NodeId)));
        await load.AdvanceAsync(500, s_patience);

        await load.StopAsync();
        await ExtendAsync(client);
        await CheckAsync(history);
        await WaitUntilFullAsync(client, s_patience);
        TestContext.Out.WriteLine($"{load.Acknowledged} appends acknowledged, longest wait {load.LongestGap.TotalMilliseconds:F0} ms");
    }

    [Test]
    public async Task A_node_without_memory_survives_or_dies_of_it_clearly_and_the_log_goes_on()
    {
        const uint victim = 3;
        await StartClusterAsync(new DevClusterOptions
        {
            Nodes = 3,
            Directory = WorkDirectory,
            Settings = ["storage.file_size=8MiB", "storage.spare_files=1"],
            Launcher = node => node == victim ? ["env", "DOTNET_GCHeapHardLimit=0x3000000"] : [],
        });
        var history = new LogHistory();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        await using var load = LogLoad.Start(Cluster.Endpoints, Log, appenders: 4, outstanding: 16, history, options: new LogLoadOptions { Bytes = 32 << 10 });
        await load.AdvanceAsync(50, s_patience);
        await TryReconfigureAsync(client, new ReconfigExtendOptions { Sequencer = victim });

        // What a LogServer that stands still lacks is kept for it by the sequencer: more than that may hold, here.
        await Signals.SendAsync("STOP", Cluster[1].ProcessId);
        using (var deadline = new CancellationTokenSource(s_patience))
        {
            for (var begun = load.Acknowledged; load.Acknowledged < begun + 1_500 && Cluster[victim].IsRunning;) await Task.Delay(10, deadline.Token);
        }

        await Signals.SendAsync("CONT", Cluster[1].ProcessId);
        await load.AdvanceAsync(100, s_patience);
        TestContext.Out.WriteLine($"{load.Acknowledged} appends acknowledged, longest wait {load.LongestGap.TotalMilliseconds:F0} ms; the node without memory {(Cluster[victim].IsRunning ? "survived" : "died")}:\n{await File.ReadAllTextAsync(Cluster[victim].LogFile)}");
        if (!Cluster[victim].IsRunning)
        {
            // The last is what the runtime says when not even the exception's text could be made any more.
            var said = false;
            foreach (var words in new[] { "out of memory", "Out of memory", "OutOfMemoryException", "Exception.ToString() failed" }) said |= await HasSaidAsync(victim, words);
            Assert.That(said, Is.True, "it says why");
            await Cluster.RestartAsync(victim, CancellationToken.None);
        }

        await load.AdvanceAsync(100, s_patience);
        await load.StopAsync();
        await ExtendAsync(client);
        await CheckAsync(history);
        await WaitUntilFullAsync(client, s_patience);
    }

    /// <summary>No role ends for the lack of descriptors. The runtime below may need one itself, to load code say, and then it ends the process and calls that "Out of memory".</summary>
    private async Task GiveFilesAsync(uint node)
    {
        if (Cluster[node].IsRunning)
        {
            await LimitFilesAsync(node, "4096");
            return;
        }

        Assert.That(await HasSaidAsync(node, "Out of memory."), Is.True, "only the runtime gives up");
        Assert.That(await HasSaidAsync(node, "met an I/O error on its log"), Is.False, "only the runtime gives up");
        TestContext.Out.WriteLine($"the runtime of node {node} gave up");
        await Cluster.RestartAsync(node, CancellationToken.None);
    }

    /// <summary>Until it says that it lacks files, or its runtime gave up.</summary>
    private async Task<bool> RunsWithoutFilesAsync(uint node)
    {
        using var deadline = new CancellationTokenSource(s_patience);
        while (Cluster[node].IsRunning && !await HasSaidAsync(node, "Too many open files")) await Task.Delay(20, deadline.Token);
        return Cluster[node].IsRunning;
    }

    private Task LimitFilesAsync(uint node, string files) =>
        Shell.RunAsync("prlimit", "--pid", Cluster[node].ProcessId.ToString(CultureInfo.InvariantCulture), $"--nofile={files}:");

    private static async Task TryReconfigureAsync(DelosClient client, ReconfigExtendOptions? options = null)
    {
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2));
            await client.Admin.ReconfigExtendAsync(Log, options, limit.Token);
        }
        catch (DelosException e)
        {
            TestContext.Out.WriteLine($"refused: {e.Message}");
        }
        catch (OperationCanceledException)
        {
            TestContext.Out.WriteLine("a reconfiguration waits");
        }
    }
}
