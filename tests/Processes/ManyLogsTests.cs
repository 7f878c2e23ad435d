using System.Diagnostics;
using Delos.Client;

namespace Delos.Tests.Processes;

/// <summary>Logs that nobody uses must not stand in the way of those that somebody does.</summary>
public sealed class ManyLogsTests : ProcessFixture
{
    private const int Logs = 100;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    [Test]
    public async Task After_a_restart_of_all_nodes_every_one_of_many_logs_takes_appends()
    {
        await StartClusterAsync();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        using var deadline = new CancellationTokenSource(s_patience);
        var begun = Stopwatch.GetTimestamp();
        await Parallel.ForAsync(0, Logs, deadline.Token, async (i, token) => await client.Log($"log-{i}").AppendAsync(new byte[] { 0 }, token));
        TestContext.Out.WriteLine($"{Logs} logs made within {Stopwatch.GetElapsedTime(begun).TotalMilliseconds:F0} ms");

        await Task.WhenAll(Cluster.Nodes.Select(n => n.KillAsync()));
        begun = Stopwatch.GetTimestamp();
        var inUse = client.Log("log-7").AppendAsync(new byte[] { 1 }, deadline.Token).AsTask();
        await Task.WhenAll(Cluster.Nodes.Select(n => Cluster.RestartAsync(n.NodeId, deadline.Token)));
        TestContext.Out.WriteLine($"all nodes are ready again after {Stopwatch.GetElapsedTime(begun).TotalMilliseconds:F0} ms");
        Assert.That(await inUse, Is.EqualTo(1));
        TestContext.Out.WriteLine($"the log in use goes on after {Stopwatch.GetElapsedTime(begun).TotalMilliseconds:F0} ms");
        await Parallel.ForAsync(0, Logs, deadline.Token, async (i, token) => await client.Log($"log-{i}").AppendAsync(new byte[] { 2 }, token));
        TestContext.Out.WriteLine($"every log has taken an append after {Stopwatch.GetElapsedTime(begun).TotalMilliseconds:F0} ms");
    }
}
