using System.Diagnostics;
using Delos.Client.Loglets;
using Delos.Protocol.Blocks;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;

namespace Delos.Tests.Loglets;

/// <summary>NativeLoglets on real nodes of which one stops, is sealed alone, or comes back.</summary>
[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public class NativeLogletFailureTests
{
    private MiniCluster? _cluster;

    private MiniCluster Cluster => _cluster ?? throw new InvalidOperationException("Not started.");

    [SetUp]
    public async Task SetUp() => _cluster = await MiniCluster.StartAsync();

    [TearDown]
    public async Task TearDown()
    {
        if (_cluster is not null) await _cluster.DisposeAsync();
    }

    [Test, Category("Trap11")]
    public async Task When_the_sequencers_node_stops_the_others_seal_and_serve_what_was_acknowledged()
    {
        await using var loglet = Cluster.Factory.Open(await Cluster.CreateAsync());
        using var appender = new TestAppender(loglet, 1);
        await appender.PutManyAsync(100, i => $"{i}");
        var lost = new TaskCompletionSource();
        loglet.SequencerLost += _ => lost.TrySetResult();
        var pending = Enumerable.Range(0, 20).Select(i => appender.Start($"{100 + i}")).ToList();
        loglet.Flush();
        await Cluster.Nodes[0].StopAsync();

        // All of them may have been answered before; who waits for nothing does not notice.
        pending.Add(appender.Start("120"));
        loglet.Flush();
        await lost.Task.WaitAsync(Patience.Long);
        var outcomes = await Task.WhenAll(pending.Select(p => p.Completion)).WaitAsync(Patience.Long);

        var clock = Stopwatch.StartNew();
        var sealedTail = await loglet.SealAsync(default);
        TestContext.Out.WriteLine($"sealed after {clock.Elapsed.TotalMilliseconds:0.0} ms");
        Assert.That(sealedTail.IsSealed, Is.True);
        Assert.That(sealedTail.Tail, Is.InRange(100 + outcomes.Count(o => o.Status == StatusCode.Ok), 121));
        Assert.That(await loglet.ReadAllAsync(0, sealedTail.Tail), Is.EqualTo(Enumerable.Range(0, (int)sealedTail.Tail).Select(i => $"{i}")));
    }

    [Test]
    public async Task When_a_LogServer_stops_appends_tails_and_reads_go_on()
    {
        await using var loglet = Cluster.Factory.Open(await Cluster.CreateAsync());
        using var appender = new TestAppender(loglet, 1);
        await appender.PutManyAsync(100, i => $"{i}");
        await Cluster.Nodes[2].StopAsync();
        await appender.PutManyAsync(100, i => $"{100 + i}");
        Assert.That(await loglet.CheckTailAsync(default), Is.EqualTo(new TailResult(200, false)));
        for (var i = 0; i < 3; i++) Assert.That(await loglet.ReadAllAsync(0, 200), Is.EqualTo(Enumerable.Range(0, 200).Select(n => $"{n}")));
    }

    [Test]
    public async Task A_subscription_survives_the_stop_of_any_LogServer()
    {
        var config = await Cluster.CreateAsync();
        await using var writer = Cluster.Factory.Open(config);
        using var appender = new TestAppender(writer, 1);
        var followers = Enumerable.Range(0, 3).Select(_ => Cluster.Factory.Open(config)).ToArray();
        var following = followers.Select(async follower =>
        {
            var texts = new List<string>();
            await foreach (var batch in follower.SubscribeAsync(0, 200, null, default))
            {
                using (batch) texts.AddRange(TestReads.Texts(batch.Entries));
            }

            return texts;
        }).ToArray();
        await appender.PutManyAsync(100, i => $"{i}");
        await Cluster.Nodes[1].StopAsync();
        await appender.PutManyAsync(100, i => $"{100 + i}");
        foreach (var texts in await Task.WhenAll(following).WaitAsync(Patience.Long)) Assert.That(texts, Is.EqualTo(Enumerable.Range(0, 200).Select(n => $"{n}")));
        foreach (var follower in followers) await follower.DisposeAsync();
    }

    [Test, Category("Trap07")]
    public async Task A_node_that_comes_back_does_not_sequence_the_Loglet_again()
    {
        await using var loglet = Cluster.Factory.Open(await Cluster.CreateAsync());
        using var appender = new TestAppender(loglet, 1);
        await appender.PutManyAsync(10, i => $"{i}");
        await Cluster.Nodes[0].StopAsync();
        await Cluster.Nodes[0].StartAsync();
        Assert.That((await appender.AppendAsync("10")).Status, Is.EqualTo(StatusCode.Unavailable).Or.EqualTo(StatusCode.WrongIncarnation));
        var tail = await loglet.CheckTailAsync(default);
        Assert.That(tail.Tail, Is.EqualTo(10));
        Assert.That(await loglet.ReadAllAsync(0, 10), Is.EqualTo(Enumerable.Range(0, 10).Select(n => $"{n}")));
    }

    [Test, Category("Trap12")]
    public async Task A_sequencer_cut_off_from_the_LogServers_that_clients_reach_gives_appends_back_and_takes_no_more()
    {
        await using var loglet = Cluster.Factory.Open(await Cluster.CreateAsync());
        using var appender = new TestAppender(loglet, 1);
        await appender.PutManyAsync(10, i => $"{i}");
        await Cluster.Nodes[0].CutAsync(2);
        await Cluster.Nodes[0].CutAsync(3);
        Assert.That(await appender.AppendAsync("10"), Is.EqualTo((StatusCode.Unavailable, 10L)));
        Assert.That((await appender.AppendAsync("11")).Status, Is.EqualTo(StatusCode.Sealed));
        var tail = await loglet.SealAsync(default);
        Assert.That(tail.Tail, Is.InRange(10, 11));
        Assert.That(await loglet.ReadAllAsync(0, tail.Tail), Is.EqualTo(Enumerable.Range(0, (int)tail.Tail).Select(i => $"{i}")));
    }

    [Test]
    public async Task Steady_appends_allocate_nothing_in_the_Loglet()
    {
        await using var loglet = Cluster.Factory.Open(await Cluster.CreateAsync());
        var client = new AppendClient(9);
        using var arena = new PayloadArena();
        var ops = Enumerable.Range(0, 64).Select(_ => new CountedOp(client)).ToArray();
        var payload = new byte[128];
        var bytes = new byte[EntryCodec.EncodedSize(payload.Length)];
        var sequence = 0ul;

        // Bytes allocated by this thread, which encodes, queues, builds the frames and mostly sends them.
        long Round(int rounds)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var round = 0; round < rounds; round++)
            {
                foreach (var op in ops)
                {
                    op.Sequence = ++sequence;
                    EntryCodec.Encode(bytes, op.Id, EntryKind.Data, payload);
                    bytes.CopyTo(arena.Reserve(bytes.Length));
                    op.Entry = arena.Commit(bytes.Length);
                    loglet.Append(op);
                }

                loglet.Flush();
                client.Floor = sequence + 1 - (ulong)ops.Length;
                foreach (var op in ops) op.Wait();
            }

            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Round(200);
        var perAppend = Round(200) / (200.0 * ops.Length);
        TestContext.Out.WriteLine($"{perAppend:0.00} bytes per append");
        Assert.That(perAppend, Is.LessThan(1));
    }

    private sealed class CountedOp(AppendClient client) : AppendOp, IDisposable
    {
        private readonly SemaphoreSlim _done = new(0);

        public override AppendClient Client => client;

        public override void OnCompleted(StatusCode status, long position)
        {
            Entry?.Release();
            Entry = null;
            if (status == StatusCode.Ok) _done.Release();
        }

        public void Wait()
        {
            if (!_done.Wait(Patience.Long)) throw new TimeoutException($"Append {Id} was not acknowledged.");
        }

        public void Dispose() => _done.Dispose();
    }
}
