using System.Diagnostics;
using Delos.Tests.Fuzzing;

namespace Delos.Tests.Processes;

/// <summary>Processes with a replica on RocksDB, killed again and again under load: what their stores had not made durable comes from the log.</summary>
public sealed class ReplicaKillTests : ProcessFixture
{
    private const int Replicas = 3;
    private const int Kills = 9;
    private const int Locks = 25;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly LockServiceProcess?[] _processes = new LockServiceProcess?[Replicas];
    private readonly int[] _answers = new int[Replicas];
    private LockServiceProcess? _reference;

    [TearDown]
    public async Task EndProcessesAsync()
    {
        foreach (var process in _processes.Append(_reference).OfType<LockServiceProcess>()) await process.DisposeAsync();
        Array.Clear(_processes);
        _reference = null;
    }

    [Test]
    public async Task Replicas_that_are_killed_under_load_have_the_state_that_the_log_gives()
    {
        await StartClusterAsync();
        using var stop = new CancellationTokenSource();
        var drivers = Enumerable.Range(0, Replicas).Select(i => DriveAsync(i, stop.Token)).ToList();
        var random = new FuzzRandom(5);
        for (var kill = 0; kill < Kills; kill++)
        {
            var victim = kill % Replicas;
            var before = _answers[victim];
            var enough = random.Between(20, 400);
            await UntilAsync(() => Task.FromResult(_answers[victim] >= before + enough || drivers[victim].IsCompleted), $"replica {victim + 1} answers");
            if (drivers[victim].IsCompleted) await drivers[victim];
            _processes[victim]?.Kill();
        }

        await stop.CancelAsync();
        await Task.WhenAll(drivers);
        Assert.That(Enumerable.Range(1, Replicas).Select(i => Directory.EnumerateFiles(StoreOf(i), "*.sst").Any()), Is.All.True, "stores were made durable now and then");

        // A replica that remembers nothing and finds no snapshot has exactly what the log gives.
        _reference = LockServiceProcess.Start(Cluster.Endpoints, Replicas + 1, Path.Combine(WorkDirectory, "none"));
        List<LockServiceProcess> all = [.. _processes.OfType<LockServiceProcess>(), _reference];
        for (var i = 0; i < Locks; i++)
        {
            var shown = new List<string>();
            foreach (var process in all) shown.Add(await process.AskAsync($"show lock{i}"));
            Assert.That(shown.Distinct().Count(), Is.EqualTo(1), $"lock{i}: {string.Join(" | ", shown)}");
        }

        await UntilAsync(() => HaveSameChecksumAsync(all), "all are at the same cursor at one time");
    }

    private string StoreOf(int replica) => Path.Combine(WorkDirectory, $"store-{replica}");

    /// <summary>Takes and frees locks through one replica; starts it again when it was killed.</summary>
    private async Task DriveAsync(int index, CancellationToken stop)
    {
        var random = new FuzzRandom(index + 1);
        while (true)
        {
            var process = _processes[index] = LockServiceProcess.Start(Cluster.Endpoints, index + 1, Path.Combine(WorkDirectory, "snapshots"), StoreOf(index + 1));
            try
            {
                while (!stop.IsCancellationRequested)
                {
                    var name = $"lock{random.Next(Locks)}";
                    var answer = await process.AskAsync(random.OneIn(2) ? $"acquire {name} owner{index} 6000" : $"release {name} owner{index}");
                    Assert.That(answer, Does.StartWith("held").Or.EqualTo("free"));
                    Interlocked.Increment(ref _answers[index]);
                }

                // Asked once more, since it may just have been killed.
                await process.AskAsync("status");
                return;
            }
            catch (Exception e) when (e is InvalidOperationException or IOException)
            {
                _processes[index] = null;
                await process.DisposeAsync();
            }
        }
    }

    private static async Task<bool> HaveSameChecksumAsync(List<LockServiceProcess> processes)
    {
        var said = new List<string>();
        foreach (var process in processes) said.Add(await process.AskAsync("status"));
        Assert.That(said, Is.All.StartWith("Applying at "));

        // They report every second, which moves the cursor.
        if (said.Select(s => s.Split(',')[0]).Distinct().Count() > 1) return false;
        Assert.That(said.Select(s => s[s.IndexOf("checksum", StringComparison.Ordinal)..]).Distinct().Count(), Is.EqualTo(1), string.Join('\n', said));
        return true;
    }

    private static async Task UntilAsync(Func<Task<bool>> isTrue, string what)
    {
        for (var begun = Stopwatch.GetTimestamp(); !await isTrue(); await Task.Delay(20))
        {
            if (Stopwatch.GetElapsedTime(begun) > s_patience) Assert.Fail($"Waited in vain: {what}.");
        }
    }
}
