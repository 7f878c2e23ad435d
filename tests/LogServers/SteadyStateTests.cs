using Delos.Daemon.LogServers;
using Delos.Protocol.Blocks;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using static Delos.Tests.LogServers.LogServerHarness;

namespace Delos.Tests.LogServers;

/// <summary>What a store costs once everything is warm.</summary>
[NonParallelizable]
public sealed class SteadyStateTests
{
    private const int Stores = 20_000;

    /// <summary>What FasterLog itself allocates in a commit (its flush results, commit info and the like), however many stores the commit holds: 1.3 KB; with the page's end and the test's own waits.</summary>
    private const int MaxPerCommit = 2048;

    [Test]
    public async Task A_store_allocates_nothing_and_a_commit_only_what_FasterLog_does()
    {
        // Files large enough that none is opened while counting.
        await using var server = await StartAsync(storage: SmallStorage with { SegmentFileBytes = 64 << 20 }, options: new LogServerOptions { TickInterval = TimeSpan.FromMinutes(1) });
        var acks = new AckCounter();
        var peer = await server.ConnectAsync(acks);
        var config = Config(1);
        peer.EnqueueStore(config, 0, 1);
        peer.Connection.Flush();
        await acks.ReachAsync(1);
        var entry = Entries(0, 1);
        long next = 1;
        var leastInHandlers = double.MaxValue;
        var leastPerCommit = double.MaxValue;
        for (var round = 0; round < 10 && (leastInHandlers > 1 || leastPerCommit > MaxPerCommit); round++)
        {
            var handlers = server.AllocatedInHandlers;
            var commits = server.Group.Counters.CommitRounds;
            var before = GC.GetTotalAllocatedBytes(precise: true);
            await Task.Run(DriveAsync);
            if (round == 0) continue;
            leastInHandlers = Math.Min(leastInHandlers, (server.AllocatedInHandlers - handlers) / (double)Stores);
            leastPerCommit = Math.Min(leastPerCommit, (GC.GetTotalAllocatedBytes(precise: true) - before) / (double)(server.Group.Counters.CommitRounds - commits));
        }

        TestContext.Out.WriteLine($"{leastInHandlers:0.000} B per store on the read loop; {leastPerCommit:0} B per commit on all threads");
        Assert.That(leastInHandlers, Is.LessThan(1));
        Assert.That(leastPerCommit, Is.LessThan(MaxPerCommit));

        async Task DriveAsync()
        {
            var end = next + Stores;
            while (next < end)
            {
                for (var i = 0; i < 16; i++, next++) peer.Connection.Enqueue(new Store(config.Id, config.Incarnation, next, 1, next - 1, null), entry.AsSpan());
                peer.Connection.Flush();
                while (next - acks.DurableTail > 256) Thread.Yield();
            }

            await acks.ReachAsync(end);
        }
    }

    [Test]
    public async Task All_blocks_come_back_when_all_is_done()
    {
        var before = BlockPool.Shared.LiveBlocks;
        await using (var server = await StartAsync())
        {
            var peer = await server.ConnectAsync();
            var config = Config(1);
            await peer.FillAsync(config, 5000, globalTail: 0);
            for (long at = 0; at < 5000; at += 500) await peer.ReadAsync(config.Id, at, 5000, 5000, maxBytes: 100_000);
            peer.Subscribe(config.Id, 0, long.MaxValue, 5000, 1 << 30, 9);
            long next = 0;
            while (next < 5000) next += (await peer.NextAsync<Entries>()).Count;
        }

        var end = DateTime.UtcNow + Patience;
        while (BlockPool.Shared.LiveBlocks > before && DateTime.UtcNow < end) await Task.Delay(5);
        Assert.That(BlockPool.Shared.LiveBlocks, Is.LessThanOrEqualTo(before));
    }

    private sealed class AckCounter : IFrameHandler
    {
        private long _durableTail;

        public long DurableTail => Interlocked.Read(ref _durableTail);

        public async Task ReachAsync(long tail)
        {
            var end = DateTime.UtcNow + Patience;
            while (DurableTail < tail)
            {
                if (DateTime.UtcNow > end) throw new TimeoutException($"{DurableTail} of {tail}");
                await Task.Delay(1);
            }
        }

        public void OnFrame(Connection connection, in Frame frame)
        {
            if (!frame.TryRead<StoreAck>(out var ack) || ack.Status != StatusCode.Ok) throw new InvalidOperationException($"{frame.Type} {ack}");
            Interlocked.Exchange(ref _durableTail, ack.DurableTail);
        }

        public void OnBatchEnd(Connection connection)
        {
        }

        public void OnClosed(Connection connection, Exception? reason)
        {
        }
    }
}
