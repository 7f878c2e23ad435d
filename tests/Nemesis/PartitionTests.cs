using System.Diagnostics;
using Delos.Client;
using Delos.Client.Admin;
using Delos.Daemon.Commands;
using Delos.Daemon.Dev;
using Delos.Protocol.Chains;
using Delos.Protocol.Cluster;
using Delos.Tests.Histories;
using Delos.Tests.Processes;

namespace Delos.Tests.Nemesis;

/// <summary>
/// Nodes on hosts of their own whose network is cut, one way or both, loses packets or resets connections, under load. Appends go on by themselves, every replica is full again after the network is healed, and the history holds.
/// How long appends stood still is printed; it is bounded here only so that a hang is noticed.
/// </summary>
public sealed class PartitionTests : ProcessFixture
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private NetworkNamespaces? _network;

    private NetworkNamespaces Network => _network ?? throw new InvalidOperationException("StartAsync was not called.");

    [TearDown]
    public async Task RemoveNetworkAsync()
    {
        await StopClusterAsync();
        if (_network is not null) await _network.DisposeAsync();
        _network = null;
    }

    [Test]
    [Category("Trap05")]
    [Category("Trap12")]
    public async Task An_isolated_sequencer_is_replaced()
    {
        await StartAsync(3);
        await UnderLoadAsync(async (client, load) =>
        {
            for (var round = 0; round < 3; round++)
            {
                // In the end one of three sequencers; a new segment each time, so that all nodes sequence some of it.
                if (round > 0) await SwitchAsync(client, LogPolicy.Striped(3, 3));
                var victim = (await SequencerNodesAsync(client))[^1];
                await Network.IsolateAsync(victim);
                await ResumeAsync(load, $"isolation of {(round == 0 ? "the sequencer's" : "a stripe's sequencer's")} node {victim}");
                Assert.That(await SequencerNodesAsync(client), Has.No.Member(victim));
                await HealAsync(client);
                await load.AdvanceAsync(500, s_patience);
                await WaitUntilFullAsync(client, s_patience);
            }
        });
    }

    [Test]
    public async Task An_isolated_LogServer_holds_up_nothing()
    {
        await StartAsync(3);
        await UnderLoadAsync(async (client, load) =>
        {
            for (var round = 0; round < 2; round++)
            {
                var victim = await SequencerNodeAsync(client) % 3 + 1;
                await Network.IsolateAsync(victim);
                await ResumeAsync(load, $"isolation of the LogServer {victim}");
                await load.AdvanceAsync(20_000, s_patience);
                await UntilUnreachableAsync(client, [victim]);
                var (code, said, _) = await Shell.TryAsync(Cluster.Executable, "status", "--endpoints", Cluster.Endpoints);
                Assert.That(code, Is.EqualTo(ExitCode.Degraded), said);
                foreach (var node in Cluster.Nodes.Where(n => n.NodeId != victim)) Assert.That(said, Does.Contain($"node {node.NodeId} has no connection to node {victim}\n"));
                await HealAsync(client);
                await load.AdvanceAsync(500, s_patience);
                await client.Admin.ReconfigExtendAsync(Log);
                await WaitUntilFullAsync(client, s_patience);
            }
        });
    }

    [Test]
    public async Task An_isolated_MetaStore_node_and_then_two_of_five_nodes_hold_up_nothing_for_long()
    {
        await StartAsync(5);
        await UnderLoadAsync(async (client, load) =>
        {
            var active = (await client.Admin.ChainAsync(Log)).Active.Loglet;
            var bystander = Enumerable.Range(1, 5).Select(i => (uint)i).First(n => n != active.SequencerNode && active.Replicas.All(r => r.NodeId != n));
            await Network.IsolateAsync(bystander);
            await ResumeAsync(load, $"isolation of the MetaStore node {bystander}");
            await client.Admin.ReconfigExtendAsync(Log);
            await HealAsync(client);
            await load.AdvanceAsync(500, s_patience);

            var chain = await client.Admin.ChainAsync(Log);
            await client.Admin.ReconfigExtendAsync(Log, new ReconfigExtendOptions { Policy = chain.Policy with { Replication = 5 } });
            await WaitUntilFullAsync(client, s_patience);
            for (var round = 0; round < 2; round++)
            {
                if (round == 1) await SwitchAsync(client, LogPolicy.Striped(5, 5));
                var victim = await SequencerNodeAsync(client);
                var other = victim % 5 + 1;
                await Task.WhenAll(Network.IsolateAsync(victim), Network.IsolateAsync(other));
                await ResumeAsync(load, $"isolation of nodes {victim} (sequencer) and {other} of five");
                await HealAsync(client);
                await load.AdvanceAsync(500, s_patience);
                await WaitUntilFullAsync(client, s_patience);
            }
        });
    }

    [Test]
    [Category("Trap05")]
    [Category("Trap12")]
    public async Task A_sequencer_that_hears_nobody_or_that_nobody_of_its_peers_hears_does_not_stop_the_log()
    {
        await StartAsync(3);
        await UnderLoadAsync(async (client, load) =>
        {
            var deaf = await SequencerNodeAsync(client);
            uint[] others = [.. Enumerable.Range(1, 3).Select(i => (uint)i).Where(n => n != deaf)];
            foreach (var other in others) await Network.DeafenAsync(deaf, other);
            await ResumeAsync(load, $"node {deaf} hears no more of its peers");
            await HealAsync(client);
            await load.AdvanceAsync(500, s_patience);

            await SwitchAsync(client, LogPolicy.Striped(3, 3));
            var mute = await SequencerNodeAsync(client);
            others = [.. Enumerable.Range(1, 3).Select(i => (uint)i).Where(n => n != mute)];
            foreach (var other in others) await Network.DeafenAsync(other, mute);
            await ResumeAsync(load, $"its peers hear no more of node {mute}");
            await HealAsync(client);
            await load.AdvanceAsync(500, s_patience);
            await WaitUntilFullAsync(client, s_patience);
        });
    }

    [Test]
    [Category("Trap17")]
    public async Task Lost_packets_and_reset_connections_lose_and_double_nothing()
    {
        await StartAsync(3);
        await UnderLoadAsync(async (client, load) =>
        {
            for (var host = 1u; host <= 3; host++) await Network.LoseAsync(host, 5);
            await load.AdvanceAsync(1_000, s_patience);
            await SwitchAsync(client, LogPolicy.Striped(3, 3));
            await load.AdvanceAsync(1_000, s_patience);
            await HealAsync(client);
            for (var host = 1u; host <= 3; host++)
            {
                await Network.ResetAsync(host);
                await load.AdvanceAsync(host == await SequencerNodeAsync(client) ? 1 : 200, s_patience);
                await HealAsync(client);
                await load.AdvanceAsync(500, s_patience);
            }

            await WaitUntilFullAsync(client, s_patience);
        });
    }

    private async Task StartAsync(int nodes)
    {
        _network = await NetworkNamespaces.StartAsync(nodes);
        await StartClusterAsync(new DevClusterOptions
        {
            Nodes = nodes,
            Directory = WorkDirectory,
            Settings = ["storage.file_size=8MiB", "storage.spare_files=1"],
            Address = Network.Address,
            Launcher = NetworkNamespaces.Launcher,
        });
    }

    private async Task UnderLoadAsync(Func<DelosClient, LogLoad, Task> faults)
    {
        var history = new LogHistory();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        await using var load = LogLoad.Start(Cluster.Endpoints, Log, appenders: 8, outstanding: 8, history);
        await load.AdvanceAsync(2_000, s_patience);
        await faults(client, load);
        await load.StopAsync();
        TestContext.Out.WriteLine($"{load.Acknowledged} appends, longest wait for one {load.LongestGap.TotalMilliseconds:F0} ms");
        await CheckAsync(history);
        await WaitUntilFullAsync(client, s_patience);
    }

    /// <summary>All nodes have found each other again: the next fault is one fault, and not two.</summary>
    private async Task HealAsync(DelosClient client)
    {
        await Network.HealAsync();
        await UntilUnreachableAsync(client, []);
    }

    /// <summary>All nodes but these say that they have no connection to these, and to no other.</summary>
    private static async Task UntilUnreachableAsync(DelosClient client, uint[] isolated)
    {
        var begun = Stopwatch.GetTimestamp();
        while (true)
        {
            var reports = await client.Admin.NodesAsync();
            var others = reports.Where(r => !isolated.Contains(r.NodeId)).ToArray();
            if (others.All(r => r.StatusJson is { } json && NodeStatusDocument.TryParse(json.Span, out var status) && status.Unreachable.SequenceEqual(isolated))) return;
            if (Stopwatch.GetElapsedTime(begun) > s_patience) Assert.Fail($"After {s_patience} not all but {string.Join(',', isolated)} are connected to each other: {string.Join("; ", reports)}");
            await Task.Delay(20);
        }
    }

    private static async Task ResumeAsync(LogLoad load, string fault)
    {
        var begun = Stopwatch.GetTimestamp();
        await load.AdvanceAsync(200, s_patience);
        TestContext.Out.WriteLine($"{fault}: appends go on after {Stopwatch.GetElapsedTime(begun).TotalMilliseconds:F0} ms");
    }
}
