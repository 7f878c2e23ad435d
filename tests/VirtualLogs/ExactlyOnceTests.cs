using System.Collections.Concurrent;
using Delos.Client;
using Delos.Client.Admin;
using Delos.Client.Loglets;
using Delos.Protocol.Chains;

namespace Delos.Tests.VirtualLogs;

/// <summary>The whole append path over Loglets and a MetaStore in memory that lose requests and answers, hold and seal, by seed. The schedule of threads is not from the seed; the rules hold under any.</summary>
public class ExactlyOnceTests
{
    [TestCase(1), TestCase(2), TestCase(3), TestCase(4), TestCase(5), TestCase(6), TestCase(7), TestCase(8)]
    [Category("Trap17")]
    public Task Every_append_is_in_the_log_exactly_once_at_the_position_returned(int seed) => RunAsync(seed, _ => LogPolicy.Default);

    [TestCase(1), TestCase(2), TestCase(3), TestCase(4), TestCase(5), TestCase(6), TestCase(7), TestCase(8)]
    [Category("Trap17")]
    [Category("Trap23")]
    public Task So_it_is_when_the_log_moves_between_striped_Loglets_and_others(int seed) => RunAsync(seed, dice => dice(4) is > 0 and var more ? LogPolicy.Striped(3, more + 1) : LogPolicy.Default);

    private static async Task RunAsync(int seed, Func<Func<int, int>, LogPolicy> policy)
    {
        await using var cluster = new MemoryCluster();
        var random = new Random(seed);
        var dice = new Func<int, int>(n =>
        {
            lock (random) return random.Next(n);
        });
        var calm = false;
        cluster.Faults.OnAppend = _ => Volatile.Read(ref calm)
            ? MemoryAppendFault.None
            : dice(60) switch
            {
                0 => MemoryAppendFault.LoseRequest,
                1 => MemoryAppendFault.LoseAnswer,
                2 => MemoryAppendFault.Hold,
                _ => MemoryAppendFault.None,
            };
        cluster.Faults.SealedTail = (committed, assigned) => committed + dice((int)(assigned - committed) + 1);
        cluster.MetaStore.OnWrite = () => dice(6) switch { 0 => WriteFault.LoseRequest, 1 => WriteFault.LoseAnswer, _ => WriteFault.None };

        var options = new LogOptions { Policy = policy(dice) };
        var answers = new ConcurrentBag<(ulong Client, int Writer, int Number, long Position)>();
        var clients = new[] { cluster.Client(), cluster.Client() };
        var writers = clients.SelectMany((client, c) => Enumerable.Range(0, 3).Select(w => Task.Run(async () =>
        {
            var log = client.Log("log", options);
            for (var round = 0; round < 20; round++)
            {
                var batch = Enumerable.Range(0, 1 + dice(12)).Select(i => (Number: round * 100 + i, Task: log.AppendAsync(Payload(c * 10 + w, round * 100 + i)).AsTask())).ToList();
                foreach (var (number, task) in batch) answers.Add((log.ClientId, c * 10 + w, number, await task));
            }
        }))).ToList();

        // Whoever looks at the log, and whoever disturbs it.
        using var stop = new CancellationTokenSource();
        var disturber = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                await Task.Delay(2);
                if (await cluster.Chains.ReadAsync("log") is not { } chain) continue;
                if (dice(3) == 0) cluster.Memory.CommitHeld(chain.Active.Loglet.Parts[dice(chain.Active.Loglet.Parts.Count)].Id);
                if (dice(12) == 0) await clients[0].Admin.SealAsync("log");
                if (dice(20) == 0) await clients[1].Admin.ReconfigExtendAsync("log", new ReconfigExtendOptions { Policy = policy(dice) });
            }
        });
        await Task.WhenAll(writers).WaitAsync(TimeSpan.FromSeconds(60));
        await stop.CancelAsync();
        await disturber;
        Volatile.Write(ref calm, true);

        var contents = await cluster.ContentsAsync("log");
        Assert.That(contents.Select(e => e.Id), Is.Unique, "An append id is in the log at most once.");
        Assert.That(contents, Has.Count.EqualTo(answers.Count), "What was acknowledged is there, and nothing else.");
        var at = contents.ToDictionary(e => e.Position, e => (Writer: BitConverter.ToInt32(e.Payload), Number: BitConverter.ToInt32(e.Payload, 4)));
        foreach (var (_, writer, number, position) in answers) Assert.That(at[position], Is.EqualTo((writer, number)));
    }

    private static byte[] Payload(int writer, int number) => [.. BitConverter.GetBytes(writer), .. BitConverter.GetBytes(number)];
}
