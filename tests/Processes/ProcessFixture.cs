using System.Diagnostics;
using Delos.Client;
using Delos.Client.Admin;
using Delos.Daemon.Dev;
using Delos.Protocol.Chains;
using Delos.Tests.Histories;

namespace Delos.Tests.Processes;

/// <summary>Gives each test a cluster of real delosd processes on the real disk, and tells what they said if the test fails.</summary>
[Category("Process")]
[NonParallelizable]
public abstract class ProcessFixture
{
    internal const string Log = "history";

    private DevCluster? _cluster;

    /// <summary>Of the test's own, deleted after it.</summary>
    internal string WorkDirectory { get; private set; } = "";

    internal DevCluster Cluster => _cluster ?? throw new InvalidOperationException("StartClusterAsync was not called.");

    [SetUp]
    public void MakeDirectory() => WorkDirectory = Path.Combine(TestContext.CurrentContext.WorkDirectory, $"cluster-{Guid.NewGuid():n}");

    [TearDown]
    public async Task StopClusterAsync()
    {
        if (_cluster is null) return;
        if (TestContext.CurrentContext.Result.Outcome.Status == NUnit.Framework.Interfaces.TestStatus.Failed)
        {
            foreach (var node in Cluster.Nodes) TestContext.Out.WriteLine($"node {node.NodeId}, {(node.IsRunning ? "running" : "ended")}:\n{node.LastWords()}\n");
        }

        await Cluster.DisposeAsync();
        _cluster = null;
        if (Directory.Exists(WorkDirectory)) Directory.Delete(WorkDirectory, recursive: true);
    }

    internal Task StartClusterAsync() => StartClusterAsync(WorkDirectory, 3, "storage.file_size=8MiB", "storage.spare_files=1");

    internal Task StartClusterAsync(string directory, int nodes, params string[] settings) => StartClusterAsync(new DevClusterOptions { Nodes = nodes, Directory = directory, Settings = settings });

    /// <summary>
    /// Without the rehearsal that nodes have by default: it costs every start seconds of processor time. Who wants to know how long a reconfiguration takes passes the run parameter <c>rehearsal=true</c>. The run parameter
    /// <c>delosd</c> names another executable than the one beside the tests, such as the published one, whose nodes start with half the processor time.
    /// </summary>
    internal async Task StartClusterAsync(DevClusterOptions options) => _cluster = await DevCluster.StartAsync(
        options with
        {
            Settings = [.. options.Settings, $"node.rehearsal={TestContext.Parameters.Get("rehearsal", "false")}"],
            Executable = TestContext.Parameters.Get("delosd", options.Executable)!,
        },
        CancellationToken.None);

    /// <summary>The node that sequences the log's active segment, or its first stripe.</summary>
    internal async Task<uint> SequencerNodeAsync(DelosClient client) => (await SequencerNodesAsync(client))[0];

    /// <summary>The nodes that sequence the log's active segment.</summary>
    internal async Task<IReadOnlyList<uint>> SequencerNodesAsync(DelosClient client) => (await client.Admin.ChainAsync(Log)).Active.Loglet.SequencerNodes;

    /// <summary>From here on every segment of the log is made by that policy.</summary>
    internal static Task SwitchAsync(DelosClient client, LogPolicy policy) => ExtendAsync(client, new ReconfigExtendOptions { Policy = policy, Reason = "test" });

    /// <summary>Until the node's log file has this text.</summary>
    internal async Task UntilItSaysAsync(uint node, string text, TimeSpan timeout)
    {
        using var deadline = new CancellationTokenSource(timeout);
        while (!await HasSaidAsync(node, text))
        {
            if (deadline.IsCancellationRequested) Assert.Fail($"Node {node} does not say \"{text}\".");
            await Task.Delay(20, CancellationToken.None);
        }
    }

    internal async Task<bool> HasSaidAsync(uint node, string text)
    {
        await using var file = new FileStream(Cluster[node].LogFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(file);
        return (await reader.ReadToEndAsync()).Contains(text, StringComparison.Ordinal);
    }

    /// <summary>A reconfiguration, tried again while nodes that have just come back do not answer yet.</summary>
    internal static async Task ExtendAsync(DelosClient client, ReconfigExtendOptions? options = null, string log = Log)
    {
        for (var begun = Stopwatch.GetTimestamp(); ;)
        {
            try
            {
                await client.Admin.ReconfigExtendAsync(log, options);
                return;
            }
            catch (DelosException e) when (e.IsTransient && Stopwatch.GetElapsedTime(begun) < TimeSpan.FromSeconds(30))
            {
                await Task.Delay(50);
            }
        }
    }

    /// <summary>Starts a node that must not start; why it does not, as it says.</summary>
    internal async Task<string> RefusalAsync(uint node)
    {
        var said = new FileInfo(Cluster[node].LogFile).Length;
        try
        {
            await Cluster.RestartAsync(node, CancellationToken.None);
        }
        catch (InvalidOperationException)
        {
            await Cluster[node].KillAsync();
            return (await File.ReadAllTextAsync(Cluster[node].LogFile))[(int)said..];
        }

        throw new AssertionException($"Node {node} starts.");
    }

    /// <summary>Reads everything twice, with clients of their own, and holds the history against the log's promises.</summary>
    internal async Task CheckAsync(LogHistory history)
    {
        await LogLoad.ReadAllAsync(Cluster.Endpoints, Log, history, "second");
        await LogLoad.ReadAllAsync(Cluster.Endpoints, Log, history, "final");
        Assert.That(LogHistoryChecker.Check(history, "final"), Is.Empty);
    }

    /// <summary>Until every replica of every segment with a stop holds all of it, as its nodes say.</summary>
    internal async Task WaitUntilFullAsync(DelosClient client, TimeSpan timeout)
    {
        using var deadline = new CancellationTokenSource(timeout);
        while (true)
        {
            var chain = await client.Admin.ChainAsync(Log);
            var lacking = new List<string>();
            foreach (var segment in chain.Segments)
            {
                if (segment.Stop is not { } stop) continue;
                var description = await client.Admin.DescribeLogletAsync(Log, segment.Loglet.Id);
                var wanted = segment.Parts.SelectMany(p => p.Loglet.Replicas.Select(_ => p.Stop ?? 0));
                lacking.AddRange(description.Replicas.Zip(wanted)
                    .Where(r => !r.First.IsSealed || r.First.HasUnknown || r.First.DurableTail < r.Second)
                    .Select(r => $"[{segment.Start}, {stop}) on node {r.First.Replica.NodeId}: {r.First.Status}, tail {r.First.DurableTail} of {r.Second}, sealed {r.First.IsSealed}, damaged {r.First.HasUnknown} {r.First.Error}"));
            }

            if (lacking.Count == 0) return;
            if (deadline.IsCancellationRequested) Assert.Fail("Replicas are not full:\n" + string.Join('\n', lacking));
            await Task.Delay(50, CancellationToken.None);
        }
    }
}
