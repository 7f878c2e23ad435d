using System.Diagnostics;
using System.Globalization;
using Delos.Client;
using Delos.Client.Admin;
using Delos.Client.Tables;
using Delos.Daemon.Dev;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Tables;
using Delos.Tests.Processes;
using TableReads = Delos.Client.Tables.TableReads;

namespace Delos.Tests.Nemesis;

/// <summary>
/// Tables of real nodes under load, while nodes are killed, frozen and cut off, and the log is reconfigured, also from the table nodes (converged) to others (disaggregated) and back. Every operation succeeds in the end, and what all
/// applications were told is held against the promises: registers linearizable, transactions serializable in the order of the log, watches without a gap (<see cref="TableLoad"/>). Then come random faults, for as long as asked:
/// <c>DELOS_SOAK_MINUTES</c>, <c>DELOS_SOAK_SEED</c> (see scripts/soak.sh); none without them.
/// </summary>
public sealed class TableNemesisTests : TableFixture
{
    private const string TableLog = "tables";
    private const int Some = 10;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_roundLength = TimeSpan.FromSeconds(20);
    private static readonly uint[] s_tableNodes = [1, 2, 3];
    private static readonly uint[] s_otherNodes = [4, 5, 6];
    private NetworkNamespaces? _network;
    private long _succeeded;
    private TimeSpan _longestWait;

    private NetworkNamespaces Network => _network ?? throw new InvalidOperationException("StartAsync was not called.");

    [TearDown]
    public async Task RemoveNetworkAsync()
    {
        await StopClusterAsync();
        if (_network is not null) await _network.DisposeAsync();
        _network = null;
    }

    [Test]
    public async Task Tables_keep_their_promises_under_faults_and_while_their_log_moves_away_and_back()
    {
        var minutes = double.Parse(Environment.GetEnvironmentVariable("DELOS_SOAK_MINUTES") ?? "0", CultureInfo.InvariantCulture);
        var seed = int.Parse(Environment.GetEnvironmentVariable("DELOS_SOAK_SEED") ?? "1", CultureInfo.InvariantCulture);
        var (begun, rounds, random) = (Stopwatch.GetTimestamp(), 0, new Random(seed));
        await StartAsync();
        var faults = new RandomFaults(Cluster, Network, random);
        await using var client = await ConnectAsync();
        TestContext.Out.WriteLine($"started after {Stopwatch.GetElapsedTime(begun).TotalSeconds:F1} s");
        try
        {
            await RoundAsync(client, "", load => FaultsOfEachKindAsync(client, load));
            while (Stopwatch.GetElapsedTime(begun) < TimeSpan.FromMinutes(minutes))
            {
                await RoundAsync(client, $"round{++rounds}_", load => RandomFaultsAsync(client, load, faults, random));
                TestContext.Progress.WriteLine($"{Stopwatch.GetElapsedTime(begun):hh\\:mm\\:ss} round {rounds}: {Summary(faults)}");
            }
        }
        finally
        {
            TestContext.Out.WriteLine($"seed {seed}, {rounds} rounds of random faults in {Stopwatch.GetElapsedTime(begun).TotalMinutes:F1} minutes: {Summary(faults)}");
        }
    }

    private string Summary(RandomFaults faults) => string.Create(CultureInfo.InvariantCulture, $"{_succeeded} operations, longest wait {_longestWait.TotalMilliseconds:F0} ms, {faults.Summary}");

    /// <summary>Six nodes: three with LogServers and tables, three with LogServers only.</summary>
    private async Task StartAsync()
    {
        _network = await NetworkNamespaces.StartAsync(s_tableNodes.Length + s_otherNodes.Length);
        await StartClusterAsync(new DevClusterOptions
        {
            Nodes = s_tableNodes.Length + s_otherNodes.Length,
            Directory = WorkDirectory,
            Settings = ["storage.file_size=8MiB", "storage.spare_files=1", "table.report_every=1s", "table.snapshot_every=2000"],
            NodeSettings = node => s_tableNodes.Contains(node) ? ["roles.table=true"] : [],
            Address = Network.Address,
            Launcher = NetworkNamespaces.Launcher,
            StartTimeout = s_patience,
        });
    }

    /// <summary>On tables of its own, whose history is checked in the end, and the replicas against each other.</summary>
    private async Task RoundAsync(DelosClient client, string prefix, Func<TableLoad, Task> faults)
    {
        await using var load = await TableLoad.StartAsync(Cluster.Endpoints, new TableLoadOptions { Prefix = prefix });
        await load.AdvanceAsync(Some, s_patience);
        await faults(load);
        await load.AdvanceAsync(Some, s_patience);
        var begun = Stopwatch.GetTimestamp();
        await load.CheckAsync(s_patience);
        Assert.That(Cluster.Nodes.Select(n => n.IsRunning), Is.All.True, "a node ended by itself");
        await load.DropAsync();
        await EqualAsync(client, s_tableNodes);
        TestContext.Out.WriteLine($"{load.Summary}; checked in {Stopwatch.GetElapsedTime(begun).TotalSeconds:F1} s");
        _succeeded += load.Succeeded;
        if (load.LongestWait > _longestWait) _longestWait = load.LongestWait;
    }

    private async Task FaultsOfEachKindAsync(DelosClient client, TableLoad load)
    {
        await ExtendAsync(client, new ReconfigExtendOptions { Replicas = s_tableNodes, Sequencer = 1, Reason = "test" }, TableLog);
        await Cluster[1].KillAsync();
        await ResumeAsync(load, "the death of the sequencer's node, which has tables");
        await Cluster.RestartAsync(1, CancellationToken.None);

        await Signals.SendAsync("STOP", Cluster[2].ProcessId);
        await ResumeAsync(load, "the freeze of a table node");
        await Signals.SendAsync("CONT", Cluster[2].ProcessId);

        await Network.IsolateAsync(3);
        await ResumeAsync(load, "the isolation of a table node");
        await Network.HealAsync();
        await WatchFromDeafNodeAsync(client, 3);
        await ResumeAsync(load, "a table node that heard its peers no more");

        await ExtendAsync(client, new ReconfigExtendOptions { Policy = LogPolicy.Striped(3, 3), Replicas = s_tableNodes, Reason = "test" }, TableLog);
        await ResumeAsync(load, "a reconfiguration to stripes");

        await MoveAsync(client, load, "disaggregated", s_otherNodes, sequencer: 4);
        await Cluster[2].KillAsync();
        await ResumeAsync(load, "the death of a table node without part in the log");
        await Cluster.RestartAsync(2, CancellationToken.None);
        await Network.IsolateAsync(4);
        await ResumeAsync(load, "the isolation of the sequencer's node, which has no tables");
        await Network.HealAsync();
        await MoveAsync(client, load, "converged again", s_tableNodes, sequencer: 2);
    }

    /// <summary>A node that hears clients and no other node may not know yet of a table that was created a moment ago; whoever begins to watch it there must not be told that there is none.</summary>
    private async Task WatchFromDeafNodeAsync(DelosClient client, uint deaf)
    {
        var options = new TableClientOptions { OperationTimeout = s_patience, AttemptTimeout = TimeSpan.FromSeconds(1) };
        var nodes = new TableNodes(client.Nodes!, TimeProvider.System);
        await nodes.NextAsync([], TimeSpan.FromSeconds(10), CancellationToken.None);
        nodes.Answered(deaf);
        var reads = new TableReads(nodes, new NodeAttempts(nodes, options.AttemptTimeout, TimeProvider.System), options, TimeProvider.System);
        Assert.That(await nodes.NextAsync([], TimeSpan.FromSeconds(10), CancellationToken.None), Is.EqualTo(deaf), "whom the watch asks first");

        // It was told the log's tail just now, so it answers questions that bear some age.
        await UntilAsync(() => KeepsUpAsync(client, deaf), "the node keeps up with the log");
        foreach (var other in s_tableNodes.Concat(s_otherNodes).Where(n => n != deaf)) await Network.DeafenAsync(deaf, other);
        await using var tables = TableClient.Connect(client, options);
        await tables.CreateTableAsync(new CreateTable("late", [new("id", ColumnType.Int64)], "id"));
        var version = await tables.Table("late").PutAsync(Row.Of(("id", 1)));
        using var patience = new CancellationTokenSource(s_patience);
        await using var watch = ChangeWatcher.WatchAsync(reads, "late", new WatchOptions { After = RowVersion.None }, options, patience.Token).GetAsyncEnumerator(patience.Token);
        Assert.That((await watch.MoveNextAsync(), watch.Current.Version), Is.EqualTo((true, version)));
        await tables.DropTableAsync("late");
        await Network.HealAsync();
    }

    private static async Task<bool> KeepsUpAsync(DelosClient client, uint node)
    {
        try
        {
            return (await new NodeTables(client, node).ReadAsync(new DescribeTables())).Reply.IsOk;
        }
        catch (Exception e) when (e is ConnectionLostException or DelosProtocolException)
        {
            // It was cut off until a moment ago.
            return false;
        }
    }

    /// <summary>By one command, as an operator does it.</summary>
    private async Task MoveAsync(DelosClient client, TableLoad load, string what, uint[] nodes, uint sequencer)
    {
        var replicas = string.Join(',', nodes);
        await new CommandRuns(Cluster, "chain").RunAsync("reconfigure", "--log", TableLog, "--loglet", "native", "--replicas", replicas, "--sequencer", $"{sequencer}");
        var active = (await client.Admin.ChainAsync(TableLog)).Active.Loglet;
        Assert.That((active.SequencerNode, string.Join(',', active.Replicas.Select(r => r.NodeId).Order())), Is.EqualTo((sequencer, replicas)));
        await ResumeAsync(load, $"the move to nodes {replicas}, {what}");
    }

    private async Task RandomFaultsAsync(DelosClient client, TableLoad load, RandomFaults faults, Random random)
    {
        for (var begun = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begun) < s_roundLength;)
        {
            await faults.InjectAsync(async () => await client.Admin.SealAsync(TableLog), () => ReconfigureAsync(client, faults, random), operations => load.AdvanceAsync(1 + (operations / 100), s_patience));
            await load.AdvanceAsync(random.Next(1, 20), s_patience);
        }
    }

    /// <summary>To LogServers beside the tables, elsewhere, or anywhere; with one sequencer or several.</summary>
    private static async Task ReconfigureAsync(DelosClient client, RandomFaults faults, Random random)
    {
        var (what, replicas) = random.Next(5) switch { < 2 => ("converged", s_tableNodes), < 4 => ("disaggregated", s_otherNodes), _ => ("anywhere", null) };
        var policy = random.Next(3) == 0 ? LogPolicy.Striped(3, random.Next(2, 6)) : LogPolicy.Native(3);
        faults.Count($"reconfiguration {what}{(policy.Kind == LogletKind.Striped ? ", striped" : "")}");
        await faults.TryAsync(async () => await client.Admin.ReconfigExtendAsync(TableLog, new ReconfigExtendOptions { Policy = policy, Replicas = replicas, Reason = "soak" }));
    }

    private static async Task ResumeAsync(TableLoad load, string fault)
    {
        var begun = Stopwatch.GetTimestamp();
        await load.AdvanceAsync(Some, s_patience);
        TestContext.Out.WriteLine($"{fault}: {Some} operations of each kind after {Stopwatch.GetElapsedTime(begun).TotalMilliseconds:F0} ms");
    }
}
