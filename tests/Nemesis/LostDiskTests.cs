using System.Text.Json;
using Delos.Client;
using Delos.Tests.Histories;
using Delos.Tests.Processes;

namespace Delos.Tests.Nemesis;

/// <summary>Disks that stand still, die in mid-run, or come back empty.</summary>
public sealed class LostDiskTests : DiskFixture
{
    [Test]
    public async Task A_frozen_disk_holds_up_nothing_and_its_replicas_are_full_again_after_it_thaws()
    {
        await StartOnDisksAsync(megabytes: 96);
        var history = new LogHistory();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        await using var load = LogLoad.Start(Cluster.Endpoints, Log, appenders: 4, outstanding: 16, history);
        await load.AdvanceAsync(500, Patience);
        foreach (var victim in new[] { await SequencerNodeAsync(client), await SequencerNodeAsync(client) % 3 + 1 })
        {
            await Disks[victim].FreezeAsync();
            await load.AdvanceAsync(2_000, Patience);
            var replicas = (await client.Admin.DescribeLogletAsync(Log)).Replicas;
            Assert.That(replicas.Where(r => r.Replica.NodeId == victim).All(r => r.DurableTail <= replicas.Max(o => o.DurableTail) - 1_000), Is.True, "the frozen disk really stands still");
            await Disks[victim].ThawAsync();
            await load.AdvanceAsync(200, Patience);
        }

        await load.StopAsync();
        await ExtendAsync(client);
        await CheckAsync(history);
        await WaitUntilFullAsync(client, Patience);
        Assert.That(Cluster.Nodes.Where(n => !n.IsRunning), Is.Empty, "a disk that stands still ends no node");
        TestContext.Out.WriteLine($"{load.Acknowledged} appends acknowledged, longest wait {load.LongestGap.TotalMilliseconds:F0} ms");
    }

    [Test]
    [Category("Trap25")]
    public async Task A_disk_that_dies_in_mid_run_ends_its_node_and_a_new_one_takes_its_place()
    {
        await StartOnDisksAsync(megabytes: 96);
        var history = new LogHistory();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        await using var load = LogLoad.Start(Cluster.Endpoints, Log, appenders: 4, outstanding: 16, history);
        await load.AdvanceAsync(1_000, Patience);
        var victim = await SequencerNodeAsync(client);
        Disks[victim].CutPower();
        await UntilItSaysAsync(victim, "met an I/O error on its log", Patience);
        await load.AdvanceAsync(500, Patience);
        await Cluster[victim].KillAsync();
        await Disks[victim].WipeAsync();
        await ReplaceDiskAsync(victim);
        await Cluster.RestartAsync(victim, CancellationToken.None);
        await load.AdvanceAsync(500, Patience);
        await load.StopAsync();
        await ReplicateAnewAsync(victim);
        await CheckAsync(history);
        await WaitUntilFullAsync(client, Patience);
    }

    [Test]
    [Category("Trap08")]
    public async Task A_wiped_disk_is_refused_until_the_operator_replaces_it()
    {
        await StartOnDisksAsync(megabytes: 96);
        var history = new LogHistory();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        await using var load = LogLoad.Start(Cluster.Endpoints, Log, appenders: 4, outstanding: 16, history);
        await load.AdvanceAsync(1_000, Patience);
        var victim = await SequencerNodeAsync(client) % 3 + 1;
        await Cluster[victim].KillAsync();
        await Disks[victim].WipeAsync();
        Assert.That(await RefusalAsync(victim), Does.Contain("has no identity").And.Contain(Cluster[victim].DataDirectory).And.Contain($"delosd node replace {victim}"), "an empty disk");
        var (_, disk) = await InitialiseAsync(victim, "--replace");
        Assert.That(await RefusalAsync(victim), Does.Contain($"the cluster knows node {victim} with disk").And.Contain($"delosd node replace {victim} --disk {disk}"), "a foreign disk");
        await load.AdvanceAsync(200, Patience);
        await ReplaceAsync(victim, disk);
        await Cluster.RestartAsync(victim, CancellationToken.None);
        await load.AdvanceAsync(500, Patience);
        await load.StopAsync();
        await ReplicateAnewAsync(victim);
        await CheckAsync(history);
        await WaitUntilFullAsync(client, Patience);
    }

    private async Task ReplaceDiskAsync(uint node)
    {
        var (_, disk) = await InitialiseAsync(node, "--replace");
        await ReplaceAsync(node, disk);
    }

    private Task ReplaceAsync(uint node, Guid disk) => Shell.RunAsync(Cluster.Executable, "node", "replace", $"{node}", "--disk", $"{disk}", "--endpoints", Cluster.Endpoints);

    private async Task<(Guid Cluster, Guid Disk)> InitialiseAsync(uint node, params string[] more)
    {
        var said = await Shell.RunAsync(Cluster.Executable, ["init", "--config", Cluster[node].ConfigFile, .. more, "-o", "json"]);
        using var json = JsonDocument.Parse(said);
        return (json.RootElement.GetProperty("clusterId").GetGuid(), json.RootElement.GetProperty("diskId").GetGuid());
    }

    /// <summary>A replaced disk joins new Loglets only (DESIGN §3): the segments that the lost one held are copied into Loglets of their own, by the operator's command.</summary>
    private async Task ReplicateAnewAsync(uint replaced)
    {
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints, new DelosClientOptions { DeleteGrace = TimeSpan.FromMilliseconds(100) });
        await ExtendAsync(client);
        foreach (var segment in (await client.Admin.ChainAsync(Log)).Segments.Where(s => s.Stop is not null)) await client.Admin.ReconfigModifyAsync(Log, segment.Loglet.Id);
        var chain = await client.Admin.ChainAsync(Log);
        Assert.That(chain.Segments.All(s => s.Loglet.Replicas.Any(r => r.NodeId == replaced)), Is.True, "the replaced disk holds a copy of everything");
    }
}
