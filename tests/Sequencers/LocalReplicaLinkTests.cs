using System.Buffers;
using System.Collections.Concurrent;
using Delos.Daemon.LogServers;
using Delos.Daemon.Sequencers;
using Delos.Protocol.Blocks;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;
using Delos.Tests.LogServers;
using Microsoft.Extensions.Logging.Abstractions;
using static Delos.Tests.LogServers.LogServerHarness;

namespace Delos.Tests.Sequencers;

/// <summary>A sequencer's way to the LogServer of its own process, over a real one.</summary>
public sealed class LocalReplicaLinkTests
{
    private const ulong Incarnation = 7;
    private static readonly LogletConfig s_config = Config(1, Incarnation);

    /// <param name="room">Bytes that the LogServer takes before it holds the link back: with 1 after every store.</param>
    [Test]
    public async Task What_is_sent_by_many_threads_is_stored_in_order_and_acknowledged_when_durable([Values(1, 8 << 20)] long room)
    {
        const int stores = 2_000;
        await using var server = await StartAsync(options: new LogServerOptions { MaxInFlightBytesPerLog = room });
        var events = new Recorder();
        await using (var link = new LocalReplicaLink(0, s_config, server.Service, new SequencerOptions(), TimeProvider.System, NullLogger.Instance))
        {
            link.Start(events);
            await events.Connected.Task.WaitAsync(Patience);
            var sending = new Lock();
            long next = 0;
            await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
            {
                while (true)
                {
                    lock (sending)
                    {
                        if (next == stores * 3) return;
                        Send(link, next, 3);
                        next += 3;
                    }

                    link.Flush();
                }
            })));
            await UntilAsync(() => events.Acks.Any(a => a.DurableTail == stores * 3));
            Assert.That(events.Acks.Select(a => a.Status), Is.All.EqualTo(StatusCode.Ok), "Nothing came out of order.");
            Assert.That(events.Acks.Select(a => a.DurableTail), Is.Ordered);
        }

        var peer = await server.ConnectAsync();
        long at = 0;
        while (at < stores * 3)
        {
            var (reply, entries) = await peer.ReadAsync(s_config.Id, at, stores * 3, stores * 3);
            Assert.That(entries, Is.EqualTo(LogServerHarness.Entries(at, (int)reply.Count)));
            at += reply.Count;
        }
    }

    [Test, Category("Trap01")]
    public async Task It_is_sealed_confirms_its_tail_and_tells_when_another_has_sealed_it()
    {
        await using var server = await StartAsync();
        var events = new Recorder();
        await using var link = new LocalReplicaLink(0, s_config, server.Service, new SequencerOptions(), TimeProvider.System, NullLogger.Instance);
        link.Start(events);
        await events.Connected.Task.WaitAsync(Patience);
        link.SendConfirm(new Confirm(s_config.Id, Incarnation, 1));
        link.Flush();
        await UntilAsync(() => events.Confirms.Any(c => c is { Round: 1, Status: StatusCode.NotFound }));
        Send(link, 0, 5);
        link.Flush();
        await UntilAsync(() => events.Acks.Any(a => a is { Status: StatusCode.Ok, DurableTail: 5 }));
        link.SendConfirm(new Confirm(s_config.Id, Incarnation, 2));
        link.Flush();
        await UntilAsync(() => events.Confirms.Any(c => c is { Round: 2, Status: StatusCode.Ok, DurableTail: 5 }));
        link.SendGlobalTail(new GlobalTail(s_config.Id, Incarnation, 5));
        link.Flush();
        await UntilAsync(() => server.Service.GetReplica(s_config.Id)!.GlobalTail == 5);

        var peer = await server.ConnectAsync();
        await peer.SealAsync(s_config);
        await UntilAsync(() => events.Acks.Any(static a => a.Status == StatusCode.Sealed));
        var told = events.Acks.Count;

        // Held, and sent once more: what follows a seal must not count (trap 1).
        Send(link, 0, 5);
        link.Flush();
        await UntilAsync(() => events.Acks.Count > told);
        Assert.That(events.Acks.Skip(told).Select(a => a.Status), Is.All.EqualTo(StatusCode.Sealed));
        link.SendSeal(new Seal(s_config));
        await UntilAsync(() => !events.Seals.IsEmpty);
        Assert.That(events.Seals, Is.EqualTo(new[] { StatusCode.Ok }));
        Assert.That(server.Service.GetReplica(s_config.Id)!.DurableTail, Is.EqualTo(5));
    }

    [Test]
    public async Task A_question_that_is_alone_is_answered_on_the_thread_that_asks()
    {
        await using var server = await StartAsync();
        var events = new Recorder();
        await using var link = new LocalReplicaLink(0, s_config, server.Service, new SequencerOptions(), TimeProvider.System, NullLogger.Instance);
        link.Start(events);
        await events.Connected.Task.WaitAsync(Patience);
        ulong round = 0;

        // Not before the work item that connected has ended.
        await UntilAsync(() =>
        {
            link.SendConfirm(new Confirm(s_config.Id, Incarnation, ++round));
            link.Flush();
            return events.ConfirmedBy.Contains((round, Environment.CurrentManagedThreadId));
        });

        // Not in front of what was sent before it.
        Send(link, 0, 5);
        link.SendConfirm(new Confirm(s_config.Id, Incarnation, ++round));
        link.Flush();
        await UntilAsync(() => events.Confirms.Any(c => c.Round == round));
        Assert.That(events.Confirms.Single(c => c.Round == round).Status, Is.EqualTo(StatusCode.Ok));
    }

    [Test]
    public async Task Once_it_is_disposed_of_nothing_is_told_and_nothing_kept()
    {
        var before = BlockPool.Shared.LiveBlocks;
        await using (var server = await StartAsync())
        {
            var events = new Recorder();
            var link = new LocalReplicaLink(0, s_config, server.Service, new SequencerOptions(), TimeProvider.System, NullLogger.Instance);
            link.Start(events);
            await events.Connected.Task.WaitAsync(Patience);
            Send(link, 0, 5);
            link.Flush();
            await UntilAsync(() => events.Acks.Any(a => a.DurableTail == 5));
            Send(link, 5, 5);
            await link.DisposeAsync();
            var told = events.Acks.Count;
            Send(link, 10, 5);
            link.Flush();
            await (await server.ConnectAsync()).SealAsync(s_config);
            await Task.Delay(100);
            Assert.That(events.Acks, Has.Count.EqualTo(told));
            Assert.That(server.Service.GetReplica(s_config.Id)!.DurableTail, Is.EqualTo(5));
        }

        await UntilAsync(() => BlockPool.Shared.LiveBlocks <= before);
    }

    /// <summary>As when a connection breaks: the sequencer is told, hears of the replica again after a pause, and nothing is kept meanwhile.</summary>
    [Test]
    public async Task A_replica_that_fails_is_lost_and_tried_again_after_a_pause()
    {
        var before = BlockPool.Shared.LiveBlocks;
        await using (var server = await StartAsync())
        {
            var events = new Recorder();
            var stores = new FailingStores(server.Service);
            await using var link = new LocalReplicaLink(0, s_config, stores, new SequencerOptions(), TimeProvider.System, NullLogger.Instance);
            link.Start(events);
            await events.Connected.Task.WaitAsync(Patience);
            Send(link, 0, 5);
            link.Flush();
            await UntilAsync(() => events.Acks.Any(a => a is { Status: StatusCode.Ok, DurableTail: 5 }));

            for (var loss = 1; loss <= 2; loss++)
            {
                stores.Failures = 1;
                Send(link, 5, 5);
                Send(link, 10, 5);
                link.Flush();
                await UntilAsync(() => events.Losses == loss && events.Connections == loss + 1);
            }

            Assert.That(events.Acks.Select(a => a.DurableTail), Is.All.EqualTo(5));
            Send(link, 5, 10);
            link.Flush();
            await UntilAsync(() => events.Acks.Any(a => a is { Status: StatusCode.Ok, DurableTail: 15 }));
        }

        await UntilAsync(() => BlockPool.Shared.LiveBlocks <= before);
    }

    private static void Send(LocalReplicaLink link, long first, int count)
    {
        var entries = RetainedPayload.Copy(LogServerHarness.Entries(first, count));
        link.SendStore(new Store(s_config.Id, Incarnation, first, (uint)count, 0, first == 0 ? s_config : null), entries);
        entries.Release();
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (var end = DateTime.UtcNow + Patience; !condition() && DateTime.UtcNow < end;) await Task.Delay(5);
        Assert.That(condition());
    }

    /// <summary>The real ones, but for some that fail as nobody has thought of.</summary>
    private sealed class FailingStores(ILocalStores stores) : ILocalStores
    {
        private int _failures;

        public int Failures
        {
            set => Volatile.Write(ref _failures, value);
        }

        public bool IsOnOwnDisk(ReplicaId replica) => stores.IsOnOwnDisk(replica);

        public void Store(ReplicaBatch batch, in Store message, in ReadOnlySequence<byte> payload)
        {
            if (Volatile.Read(ref _failures) > 0 && Interlocked.Decrement(ref _failures) >= 0) throw new InvalidOperationException("This store fails.");
            stores.Store(batch, message, payload);
        }

        public void AnnounceGlobalTail(ReplicaBatch batch, in GlobalTail message) => stores.AnnounceGlobalTail(batch, message);

        public ConfirmReply Confirm(in Confirm message) => stores.Confirm(message);

        public void EndBatch(ReplicaBatch batch, IPausable source) => stores.EndBatch(batch, source);

        public Task<StatusCode> SealAsync(LogletConfig config) => stores.SealAsync(config);

        public void Forget<TSequencer>(LogletId loglet, TSequencer sequencer)
            where TSequencer : IAckSink, IPausable => stores.Forget(loglet, sequencer);
    }

    private sealed class Recorder : IReplicaEvents
    {
        private int _connections;
        private int _losses;

        public TaskCompletionSource Connected { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public ConcurrentQueue<StoreAck> Acks { get; } = [];

        public ConcurrentQueue<ConfirmReply> Confirms { get; } = [];

        public ConcurrentQueue<(ulong Round, int Thread)> ConfirmedBy { get; } = [];

        public ConcurrentQueue<StatusCode> Seals { get; } = [];

        public int Connections => Volatile.Read(ref _connections);

        public int Losses => Volatile.Read(ref _losses);

        public void OnConnected(int replica, Connection? connection)
        {
            Interlocked.Increment(ref _connections);
            Connected.TrySetResult();
        }

        public void OnLost(int replica) => Interlocked.Increment(ref _losses);

        public void OnSealReply(int replica, StatusCode status) => Seals.Enqueue(status);

        void IReplicaEvents.OnAnswers(int replica, List<StoreAck> acks, List<ConfirmReply> confirms, FlushList flushes)
        {
            foreach (var ack in acks) Acks.Enqueue(ack);
            foreach (var confirm in confirms)
            {
                ConfirmedBy.Enqueue((confirm.Round, Environment.CurrentManagedThreadId));
                Confirms.Enqueue(confirm);
            }
        }
    }
}
