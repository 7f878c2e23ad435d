using System.Diagnostics;
using System.Globalization;
using Delos.Client;
using Delos.Client.Admin;
using Delos.Daemon.Dev;
using Delos.Protocol.Chains;
using Delos.Tests.Histories;
using Delos.Tests.Processes;

namespace Delos.Tests.Nemesis;

/// <summary>
/// Random faults and reconfigurations on real processes under load, for as long as asked: <c>DELOS_SOAK_MINUTES</c>, <c>DELOS_SOAK_SEED</c> (see scripts/soak.sh); a single short round without them. Every round has a log of its
/// own, whose history is checked at the round's end.
/// </summary>
[Category("Process")]
[NonParallelizable]
public sealed class SoakTests
{
    private const int Nodes = 3;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_roundLength = TimeSpan.FromSeconds(20);
    private Random _random = new(0);
    private long _acknowledged;
    private bool _mayBeSharded;
    private RandomFaults? _faults;
    private TimeSpan _longestGap;

    [Test]
    public async Task Random_faults_under_load_lose_and_double_nothing()
    {
        var minutes = double.Parse(Environment.GetEnvironmentVariable("DELOS_SOAK_MINUTES") ?? "0", CultureInfo.InvariantCulture);
        var seed = int.Parse(Environment.GetEnvironmentVariable("DELOS_SOAK_SEED") ?? "1", CultureInfo.InvariantCulture);
        _random = new Random(seed);
        var directory = Path.Combine(TestContext.CurrentContext.WorkDirectory, $"soak-{Guid.NewGuid():n}");
        var begun = Stopwatch.GetTimestamp();
        var rounds = 0;
        try
        {
            await using var network = await NetworkNamespaces.StartAsync(Nodes);
            await using var cluster = await DevCluster.StartAsync(
                new DevClusterOptions
                {
                    Nodes = Nodes,
                    Directory = directory,
                    Settings = ["storage.file_size=8MiB", "node.rehearsal=false"],
                    Address = network.Address,
                    Launcher = NetworkNamespaces.Launcher,
                    StartTimeout = s_patience,
                },
                CancellationToken.None);
            _faults = new RandomFaults(cluster, network, _random);
            do
            {
                try
                {
                    await RunRoundAsync(cluster, _faults, $"soak-{rounds++}");
                }
                catch
                {
                    foreach (var node in cluster.Nodes) TestContext.Out.WriteLine($"node {node.NodeId}, {(node.IsRunning ? "running" : "ended")}:\n{node.LastWords()}\n");
                    throw;
                }

                TestContext.Progress.WriteLine($"{Stopwatch.GetElapsedTime(begun):hh\\:mm\\:ss} round {rounds}: {Summary()}");
            }
            while (Stopwatch.GetElapsedTime(begun) < TimeSpan.FromMinutes(minutes));
        }
        finally
        {
            TestContext.Out.WriteLine($"seed {seed}, {rounds} rounds in {Stopwatch.GetElapsedTime(begun).TotalMinutes:F1} minutes: {Summary()}");
            if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
        }
    }

    private string Summary() => string.Create(CultureInfo.InvariantCulture,
        $"{_acknowledged} appends acknowledged, longest wait {_longestGap.TotalMilliseconds:F0} ms, {_faults?.Summary}");

    private async Task RunRoundAsync(DevCluster cluster, RandomFaults faults, string log)
    {
        var history = new LogHistory();
        _mayBeSharded = false;
        await using var client = await DelosClient.ConnectAsync(cluster.Endpoints, new DelosClientOptions { DeleteGrace = TimeSpan.FromMilliseconds(100) });
        await using (var load = LogLoad.Start(cluster.Endpoints, log, appenders: 4, outstanding: 4, history))
        {
            await load.AdvanceAsync(200, s_patience);
            await ReconfigureAsync(client, faults, log);
            var begun = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(begun) < s_roundLength)
            {
                await faults.InjectAsync(async () => await client.Admin.SealAsync(log), () => ReconfigureAsync(client, faults, log), appends => AdvanceMeanwhileAsync(load, appends));
                await load.AdvanceAsync(_random.Next(1, 2_000), s_patience);
            }

            await load.StopAsync();
            Assert.That(cluster.Nodes.Select(n => n.IsRunning), Is.All.True, "a node ended by itself");
            _acknowledged += load.Acknowledged;
            if (load.LongestGap > _longestGap) _longestGap = load.LongestGap;
        }

        await LogLoad.ReadAllAsync(cluster.Endpoints, log, history, "second");
        await LogLoad.ReadAllAsync(cluster.Endpoints, log, history, "final");
        Assert.That(LogHistoryChecker.Check(history, "final"), Is.Empty, Summary());

        // So that the disk does not fill up over hours, and a restart does not recover ever more segments.
        var tail = await client.Log(log).CheckTailAsync();
        await client.Log(log).TrimAsync(tail);
        await client.Admin.ReconfigTruncateAsync(log, tail);
    }

    /// <summary>To any kind of Loglet. Three nodes hold three shards, each without a second copy.</summary>
    private async Task ReconfigureAsync(DelosClient client, RandomFaults faults, string log)
    {
        var policy = _random.Next(6) switch
        {
            < 2 => LogPolicy.Native(3),
            < 5 => LogPolicy.Striped(3, _random.Next(2, 6)),
            _ => LogPolicy.Striped(1, 3, sharded: true),
        };
        faults.Count(policy switch { { Sharded: true } => "reconfiguration to shards", { Kind: LogletKind.Striped } => "reconfiguration to stripes", _ => "reconfiguration" });
        _mayBeSharded |= policy.Sharded;
        await faults.TryAsync(async () =>
        {
            await client.Admin.ReconfigExtendAsync(log, new ReconfigExtendOptions { Policy = policy, Reason = "soak" });
            _mayBeSharded = policy.Sharded;
        });
    }

    /// <summary>While a fault lasts. A shard without a second copy has nothing to go on with.</summary>
    private async Task AdvanceMeanwhileAsync(LogLoad load, int appends)
    {
        if (_mayBeSharded) await Task.Delay(appends);
        else await load.AdvanceAsync(appends, s_patience);
    }
}
