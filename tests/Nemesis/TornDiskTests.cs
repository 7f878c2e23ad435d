using System.Globalization;
using Delos.Client;
using Delos.Daemon.Dev;
using Delos.Tests.Histories;
using Delos.Tests.Processes;

namespace Delos.Tests.Nemesis;

/// <summary>
/// Power losses of disks that keep, of what was not synced, whatever they like: a random half of the sectors, a new file without its name, an old name that comes back. A library preloaded into the daemons keeps
/// track of what is durable (<c>tests/faults/powerloss.c</c>), and after SIGKILL the rest is thrown away by seed.
/// </summary>
[Category("Trap02")]
[Category("Trap25")]
[Category("Trap26")]
public sealed class TornDiskTests : ProcessFixture
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private string _cut = "";
    private SmallDisks? _disks;

    private SmallDisks Disks => _disks ?? throw new InvalidOperationException("StartAsync was not called.");

    [TearDown]
    public async Task RemoveDisksAsync()
    {
        await StopClusterAsync();
        if (_disks is not null) await _disks.DisposeAsync();
        _disks = null;
    }

    [Test]
    public async Task Power_losses_that_keep_a_random_part_of_what_was_not_synced_lose_nothing()
    {
        await StartAsync(forget: null);
        var history = new LogHistory();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        await using var load = LogLoad.Start(Cluster.Endpoints, Log, appenders: 4, outstanding: 8, history);
        for (var seed = 1; seed <= 6; seed++)
        {
            await load.AdvanceAsync(300, s_patience);
            await KillAndCutPowerAsync(seed, percent: (seed % 4) switch { 1 => 0, 2 => 50, 3 => 90, _ => 10 });
            await Task.WhenAll(Cluster.Nodes.Select(n => Cluster.RestartAsync(n.NodeId, CancellationToken.None)));
        }

        await load.AdvanceAsync(300, s_patience);
        await load.StopAsync();
        await CheckAsync(history);
        await WaitUntilFullAsync(client, s_patience);
    }

    /// <summary>The test of the test: a cluster that acknowledged what is durable nowhere is caught, whichever way of making something durable it left out.</summary>
    [TestCase("write", TestName = "Losing_what_synchronous_writes_returned_for_is_noticed")]
    [TestCase("file", TestName = "Losing_what_syncs_of_files_returned_for_is_noticed")]
    [TestCase("directory", TestName = "Losing_what_syncs_of_directories_returned_for_is_noticed")]
    public async Task Losing_what_was_synced_is_noticed(string forget)
    {
        await StartAsync(forget);
        var history = new LogHistory();
        await using (var load = LogLoad.Start(Cluster.Endpoints, Log, appenders: 4, outstanding: 8, history))
        {
            await load.AdvanceAsync(300, s_patience);
            await load.StopAsync();
        }

        await KillAndCutPowerAsync(seed: 1, percent: 0);
        var noticed = await WhatIsNoticedAsync(history);
        TestContext.Out.WriteLine(noticed);
        Assert.That(noticed, Is.Not.Empty);
    }

    private async Task<string> WhatIsNoticedAsync(LogHistory history)
    {
        try
        {
            await Task.WhenAll(Cluster.Nodes.Select(n => Cluster.RestartAsync(n.NodeId, CancellationToken.None)));
            await LogLoad.ReadAllAsync(Cluster.Endpoints, Log, history, "final");
        }
        catch (InvalidOperationException e)
        {
            return $"a node does not start: {e.Message}";
        }
        catch (DelosException e)
        {
            return $"the log cannot be read: {e.Message}";
        }

        return string.Join('\n', LogHistoryChecker.Check(history, "final"));
    }

    /// <summary>All that is in a node's directory before its daemon's first start is durable.</summary>
    private async Task StartAsync(string? forget)
    {
        // In memory: what is durable is the library's affair, and the real disk has enough to do.
        _disks = SmallDisks.Mount(TestContext.CurrentContext.WorkDirectory, nodes: 3, megabytes: 256);
        var library = await FaultPrograms.CompileLibraryAsync("powerloss");
        _cut = await FaultPrograms.CompileProgramAsync("powercut");
        var script = $"[ -d \"$2\" ] || '{_cut}' snapshot \"$1\" \"$2\"; POWERLOSS_DATA=$1 POWERLOSS_SHADOW=$2 POWERLOSS_FORGET={forget} LD_PRELOAD='{library}'; export POWERLOSS_DATA POWERLOSS_SHADOW POWERLOSS_FORGET LD_PRELOAD; shift 2; exec \"$@\"";
        await StartClusterAsync(new DevClusterOptions
        {
            Nodes = 3,
            Directory = Disks.Directory,
            Settings = ["storage.file_size=2MiB", "storage.spare_files=1"],
            Launcher = node => ["sh", "-c", script, "sh", DataOf(node), ShadowOf(node)],
        });
        foreach (var node in Cluster.Nodes) Assert.That(Directory.EnumerateFiles(ShadowOf(node.NodeId)).Count(), Is.GreaterThan(4), "the library is loaded and sees what the daemon writes");
    }

    private async Task KillAndCutPowerAsync(int seed, int percent)
    {
        await Task.WhenAll(Cluster.Nodes.Select(n => n.KillAsync()));
        var told = await Task.WhenAll(Cluster.Nodes.Select(n => Shell.RunAsync(
            _cut, "cut", DataOf(n.NodeId), ShadowOf(n.NodeId), (seed * 10 + n.NodeId).ToString(CultureInfo.InvariantCulture), percent.ToString(CultureInfo.InvariantCulture))));
        TestContext.Out.WriteLine($"seed {seed}, {percent} % kept: {string.Join("; ", told.Select(t => t.TrimEnd().Split('\n')[^1]))}\n{string.Concat(told)}");
    }

    private string DataOf(uint node) => Path.Combine(Disks.Directory, string.Create(CultureInfo.InvariantCulture, $"node-{node}"), "data");

    private string ShadowOf(uint node) => Path.Combine(Disks.Directory, string.Create(CultureInfo.InvariantCulture, $"node-{node}"), "shadow");
}
