using System.Diagnostics;
using Delos.Client;
using Delos.LocalStorage;
using Delos.Runtime;
using Delos.Tests.Nemesis;
using Delos.Tests.Runtime;

namespace Delos.Tests.Processes;

/// <summary>Replicas of a state machine over a log of real nodes, which are killed and reconfigured meanwhile.</summary>
public sealed class RuntimeProcessTests : ProcessFixture
{
    [Test]
    public async Task Commands_of_sessions_are_applied_once_while_nodes_are_killed()
    {
        const int Proposers = 8;
        await StartClusterAsync();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        var snapshots = new DirectorySnapshots(Path.Combine(WorkDirectory, "snapshots"));
        var replicas = new List<DelosRuntime>();
        try
        {
            for (var id = 1UL; id <= 3; id++)
            {
                var options = new RuntimeOptions { ReplicaId = id, ReportEvery = TimeSpan.FromSeconds(1), SnapshotEvery = 500 };
                replicas.Add(DelosRuntime.Start(client.OpenLog(Log), new Registers(), StoreOf(id), snapshots, options));
            }

            foreach (var replica in replicas) await replica.ReadyAsync();
            using var stop = new CancellationTokenSource();
            var counts = new int[Proposers];
            var proposing = Enumerable.Range(0, Proposers).Select(i => ProposeAsync(replicas, i, counts, stop.Token)).ToList();
            for (var round = 0; round < 3; round++)
            {
                var before = counts.Sum();
                var victim = await SequencerNodeAsync(client);
                await Cluster[victim].KillAsync();
                await UntilAsync(() => counts.Sum() > before + 500);
                await Cluster.RestartAsync(victim, CancellationToken.None);
                await ExtendAsync(client);
            }

            await stop.CancelAsync();
            await Task.WhenAll(proposing);
            foreach (var replica in replicas)
            {
                using var state = await replica.ReadAsync(ReadLevel.Linearizable);
                Assert.That(Enumerable.Range(0, Proposers).Select(i => Registers.Get(state, $"n{i}")), Is.EqualTo(counts.Select(c => c.ToString())));
            }

            // The log does not grow for ever, and who comes late takes a snapshot.
            await UntilAsync(() => replicas.TrueForAll(r => r.Status.TrimPoint > 0));
            await using var look = client.OpenLog(Log);
            await UntilAsync(async () => await look.FirstPositionAsync() > 0);
            replicas.Add(DelosRuntime.Start(client.OpenLog(Log), new Registers(), StoreOf(4), snapshots, new RuntimeOptions { ReplicaId = 4 }));
            await replicas[3].ReadyAsync();
            using var late = await replicas[3].ReadAsync(ReadLevel.Linearizable);
            Assert.That(Enumerable.Range(0, Proposers).Select(i => Registers.Get(late, $"n{i}")), Is.EqualTo(counts.Select(c => c.ToString())));
            Assert.That(replicas.Select(r => r.Status.State), Is.All.EqualTo(RuntimeState.Applying));
        }
        finally
        {
            foreach (var replica in replicas) await replica.DisposeAsync();
        }
    }

    [Test]
    public async Task The_lock_service_of_the_samples_gives_a_lock_to_one_owner()
    {
        await StartClusterAsync();
        var directory = Path.Combine(WorkDirectory, "locks");
        await using var first = LockServiceProcess.Start(Cluster.Endpoints, 1, directory);
        await using var second = LockServiceProcess.Start(Cluster.Endpoints, 2, directory);
        Assert.That(await first.AskAsync("acquire printer ann 600"), Does.StartWith("held ann "));
        Assert.That(await second.AskAsync("acquire printer bob 600"), Does.StartWith("held ann "));
        Assert.That(await second.AskAsync("show printer"), Does.StartWith("held ann "));
        Assert.That(await second.AskAsync("release printer bob"), Does.StartWith("held ann "));
        Assert.That(await first.AskAsync("release printer ann"), Is.EqualTo("free"));
        Assert.That(await second.AskAsync("show printer"), Is.EqualTo("free"));
        Assert.That(await second.AskAsync("acquire printer bob 600"), Does.StartWith("held bob "));
        Assert.That(await first.AskAsync("nonsense"), Does.StartWith("error: "));

        // A replica that comes late, with an empty memory, knows it, too.
        await using var third = LockServiceProcess.Start(Cluster.Endpoints, 3, directory);
        Assert.That(await third.AskAsync("show printer"), Does.StartWith("held bob "));
    }

    [Test]
    public async Task An_operator_deletes_an_entry_by_the_command_line()
    {
        await StartClusterAsync();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        var log = client.Log(Log);
        for (var i = 0; i < 5; i++) await log.AppendAsync(Registers.Bytes($"e{i}"));
        var said = await Shell.RunAsync(Cluster.Executable, "log", "edit", "2", "--delete", "--log", Log, "--endpoints", Cluster.Endpoints);
        Assert.That(said, Does.Contain("position 2 is deleted"));
        await Shell.RunAsync(Cluster.Executable, "log", "edit", "3", "--payload", "patched", "--log", Log, "--endpoints", Cluster.Endpoints);
        var read = await Shell.RunAsync(Cluster.Executable, "log", "read", "--log", Log, "--endpoints", Cluster.Endpoints);
        Assert.That(read, Does.Not.Contain("e2").And.Not.Contain("e3").And.Contain("e1").And.Contain("patched"));
        var (code, _, error) = await Shell.TryAsync(Cluster.Executable, "log", "edit", "2", "--log", Log, "--endpoints", Cluster.Endpoints);
        Assert.That((code, error), Is.EqualTo((2, error)), "it must be said how");
        Assert.That(error, Does.Contain("--delete"));
        await Shell.RunAsync(Cluster.Executable, "log", "trim", "1", "--log", Log, "--endpoints", Cluster.Endpoints);
        (code, _, error) = await Shell.TryAsync(Cluster.Executable, "log", "edit", "0", "--delete", "--log", Log, "--endpoints", Cluster.Endpoints);
        Assert.That(code, Is.Not.Zero);
        Assert.That(error, Does.Contain("Position 0 cannot be edited"));
    }

    private RocksStoreFactory StoreOf(ulong replica) => new(new RocksStoreOptions { Directory = Path.Combine(WorkDirectory, $"store-{replica}") });

    /// <summary>Adds 1 again and again, through whichever replica; the same command again until it is answered.</summary>
    private static async Task ProposeAsync(List<DelosRuntime> replicas, int proposer, int[] counts, CancellationToken stop)
    {
        var session = await replicas[proposer % 3].OpenSessionAsync(CancellationToken.None);
        while (!stop.IsCancellationRequested)
        {
            var sequence = session.Next();
            for (var attempt = 0; ; attempt++)
            {
                try
                {
                    var result = await replicas[(proposer + attempt) % 3].ProposeAsync(session.Id, sequence, session.Floor, Registers.Bytes($"add n{proposer} 1"), CancellationToken.None);
                    Assert.That(result.Status, Is.EqualTo(ProposalStatus.Applied));
                    break;
                }
                catch (DelosException)
                {
                    // Unanswered: the next attempt goes through another replica.
                }
            }

            session.Answered(sequence);
            Interlocked.Increment(ref counts[proposer]);
        }
    }

    private static Task UntilAsync(Func<bool> isTrue) => UntilAsync(() => Task.FromResult(isTrue()));

    private static async Task UntilAsync(Func<Task<bool>> isTrue)
    {
        for (var begun = Stopwatch.GetTimestamp(); !await isTrue(); await Task.Delay(20))
        {
            if (Stopwatch.GetElapsedTime(begun) > TimeSpan.FromSeconds(30)) Assert.Fail("It did not come true within 30 s.");
        }
    }
}
