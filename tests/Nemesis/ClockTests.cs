using System.Globalization;
using Delos.Client;
using Delos.Daemon.Dev;
using Delos.Tests.Histories;
using Delos.Tests.Processes;

namespace Delos.Tests.Nemesis;

/// <summary>Wall clocks that jump by hours, forth and back, on one node and on all: no safety hangs on them (DESIGN §3), and nobody is taken for dead for it.</summary>
public sealed class ClockTests : ProcessFixture
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Test]
    public async Task Wall_clocks_that_jump_by_hours_cause_no_reconfiguration_and_lose_nothing()
    {
        var library = await FaultPrograms.CompileLibraryAsync("clockskew");
        Directory.CreateDirectory(WorkDirectory);
        await StartClusterAsync(new DevClusterOptions
        {
            Nodes = 3,
            Directory = Path.Combine(WorkDirectory, "cluster"),
            Settings = ["storage.file_size=8MiB", "storage.spare_files=1"],
            Launcher = node => ["env", $"LD_PRELOAD={library}", $"CLOCKSKEW={SkewFile(node)}", "TZ=UTC"],
        });
        var history = new LogHistory();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        await using var load = LogLoad.Start(Cluster.Endpoints, Log, appenders: 4, outstanding: 8, history, options: new LogLoadOptions { Rest = TimeSpan.FromMilliseconds(5) });
        await load.AdvanceAsync(500, s_patience);
        var sequencer = await SequencerNodeAsync(client);
        var before = await client.Admin.ChainAsync(Log);

        foreach (var hours in new[] { 3, -3, 0 }) await SkewAsync(load, hours, sequencer);
        foreach (var hours in new[] { -5, 5, 0 }) await SkewAsync(load, hours, sequencer % 3 + 1);
        foreach (var hours in new[] { 9, -9, 0, -5 }) await SkewAsync(load, hours, 1, 2, 3);
        Assert.That((await client.Admin.ChainAsync(Log)).Version, Is.EqualTo(before.Version), "no clock caused a reconfiguration");

        // Not only do they bear it: they work with the wrong time.
        await ExtendAsync(client);
        await Cluster[sequencer].KillAsync();
        await load.AdvanceAsync(300, s_patience);
        await Cluster.RestartAsync(sequencer, CancellationToken.None);
        await load.AdvanceAsync(300, s_patience);
        foreach (var node in Cluster.Nodes)
        {
            var wrong = DateTime.UtcNow.AddHours(-5);
            Assert.That(await HasSaidAsync(node.NodeId, $"\n{wrong:HH}:") || await HasSaidAsync(node.NodeId, $"\n{wrong.AddHours(-1):HH}:"), Is.True, $"node {node.NodeId} really had the wrong time");
        }

        await load.StopAsync();
        await CheckAsync(history);
        await WaitUntilFullAsync(client, s_patience);
    }

    private async Task SkewAsync(LogLoad load, int hours, params uint[] nodes)
    {
        foreach (var node in nodes)
        {
            // At once for the reader: a file that is empty for a moment would be no skew.
            var milliseconds = TimeSpan.FromHours(hours).TotalMilliseconds.ToString(CultureInfo.InvariantCulture);
            await File.WriteAllTextAsync(SkewFile(node) + ".new", milliseconds);
            File.Move(SkewFile(node) + ".new", SkewFile(node), overwrite: true);
        }

        await load.AdvanceAsync(200, s_patience);
    }

    private string SkewFile(uint node) => Path.Combine(WorkDirectory, string.Create(CultureInfo.InvariantCulture, $"skew-{node}"));
}
