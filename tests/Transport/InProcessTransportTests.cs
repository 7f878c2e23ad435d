using System.Net;
using System.Net.Sockets;
using Delos.Protocol.Blocks;
using Delos.Protocol.Connections;

namespace Delos.Tests.Transport;

/// <summary>The bytes of a connection within the process, below frames and handlers.</summary>
public sealed class InProcessTransportTests
{
    private static readonly IPEndPoint s_address = new(IPAddress.Loopback, 7400);

    [ThreadStatic]
    private static bool s_isClosing;

    private BlockPool _pool = new();

    [SetUp]
    public void Renew() => _pool = new BlockPool();

    [TearDown]
    public void Every_block_was_given_back() => Assert.That(_pool.LiveBlocks, Is.Zero);

    [TestCase(1, 100_000)]
    [TestCase(7, 300_000)]
    [TestCase(70_000, 20_000_000)]
    public async Task Bytes_arrive_in_order_whatever_the_sizes_of_pieces_and_rooms(int maxRoom, int total)
    {
        var (writer, reader) = InProcessTransport.CreatePair(s_address);
        using var sender = new Sender(writer);
        var random = new Random(maxRoom);
        var sent = new byte[total];
        random.NextBytes(sent);
        var sending = Task.Run(async () =>
        {
            for (var from = 0; from < total;)
            {
                var batch = Batch(sent.AsSpan(from, Math.Min(total - from, 1 + random.Next(200_000))));
                from += (int)batch.Length;
                Assert.That(await sender.SendAsync(batch), Is.EqualTo(SocketError.Success));
            }

            writer.Shutdown(SocketShutdown.Send);
        });
        var received = new byte[total + maxRoom];
        var sizes = new Random(total);
        var end = 0;
        while (await reader.ReceiveAsync(received.AsMemory(end, 1 + sizes.Next(maxRoom))) is > 0 and var length) end += length;
        await sending.WaitAsync(Loopback.Patience);
        Assert.That(end, Is.EqualTo(total));
        Assert.That(received.AsSpan(0, end).SequenceEqual(sent));
        Assert.That(await reader.ReceiveAsync(received), Is.Zero, "the end stays the end");
        reader.Dispose();
    }

    [Test]
    public async Task A_batch_waits_with_its_writer_until_there_is_room_for_it()
    {
        var (writer, reader) = InProcessTransport.CreatePair(s_address);
        using var sender = new Sender(writer);
        Assert.That(reader.HasUnread, Is.False);
        var sending = sender.SendAsync(Batch(new byte[1000]));
        Assert.That((sending.IsCompleted, reader.HasUnread), Is.EqualTo((false, true)));
        Assert.That(await reader.ReceiveAsync(new byte[600]), Is.EqualTo(600));
        Assert.That((sending.IsCompleted, reader.HasUnread), Is.EqualTo((false, true)), "the rest still waits");
        Assert.That(await reader.ReceiveAsync(new byte[600]), Is.EqualTo(400));
        Assert.That((await sending, reader.HasUnread), Is.EqualTo((SocketError.Success, false)));

        // And the other way round: the reader waits, and gets no more than it has room for.
        var receiving = reader.ReceiveAsync(new byte[600]);
        Assert.That(receiving.IsCompleted, Is.False);
        sending = sender.SendAsync(Batch(new byte[1000]));
        Assert.That(await receiving, Is.EqualTo(600));
        Assert.That(await reader.ReceiveAsync(new byte[600]), Is.EqualTo(400));
        Assert.That(await sending, Is.EqualTo(SocketError.Success));
        reader.Dispose();
    }

    [Test]
    public async Task Closing_either_end_ends_what_waits_at_both_and_not_on_the_closers_thread([Values] bool writerCloses)
    {
        var (writer, reader) = InProcessTransport.CreatePair(s_address);
        using var sender = new Sender(writer);
        using var answerer = new Sender(reader);
        var sending = sender.SendAsync(Batch(new byte[1000]));
        var receiving = writer.ReceiveAsync(new byte[10]);
        s_isClosing = true;
        (writerCloses ? writer : reader).Close();
        s_isClosing = false;
        Assert.That(await sending, Is.EqualTo(writerCloses ? SocketError.OperationAborted : SocketError.ConnectionReset));
        Assert.That(await receiving, Is.Zero);
        Assert.That(await reader.ReceiveAsync(new byte[10]), Is.Zero);
        Assert.That(await sender.SendAsync(Batch(new byte[10])), Is.EqualTo(SocketError.ConnectionReset));
        Assert.That(await answerer.SendAsync(Batch(new byte[10])), Is.EqualTo(SocketError.ConnectionReset));
    }

    [Test]
    public async Task A_receive_goes_on_though_whoever_sent_is_busy_with_something_else_and_so_is_every_other_thread()
    {
        var (writer, reader) = InProcessTransport.CreatePair(s_address);
        using var sender = new Sender(writer);
        using var arrived = new ManualResetEventSlim();
        var receiving = reader.ReceiveAsync(new byte[10]).AsTask();
        var arriving = receiving.ContinueWith(_ => arrived.Set(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

        // Others always find something in the common queue, and never look into a busy thread's own.
        var isOver = false;
        for (var i = 0; i < 2 * Environment.ProcessorCount; i++) Occupy();
        var sent = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        ThreadPool.UnsafeQueueUserWorkItem(
            _ =>
            {
                var sending = sender.SendAsync(Batch(new byte[10]));
                sent.SetResult(arrived.Wait(TimeSpan.FromSeconds(5)) && sending.IsCompletedSuccessfully);
            },
            null);
        var hasArrived = await sent.Task;
        Volatile.Write(ref isOver, true);
        Assert.That(hasArrived);
        Assert.That(await receiving, Is.EqualTo(10));
        await arriving;
        reader.Dispose();

        void Occupy() => ThreadPool.UnsafeQueueUserWorkItem(
            _ =>
            {
                if (!Volatile.Read(ref isOver)) Occupy();
            },
            null);
    }

    [Test]
    public async Task What_comes_after_the_end_of_reading_is_thrown_away_until_the_peer_ends_it()
    {
        var (writer, reader) = InProcessTransport.CreatePair(s_address);
        using var sender = new Sender(writer);
        var sending = sender.SendAsync(Batch(new byte[1000]));
        var lingering = reader.LingerAsync(CancellationToken.None).AsTask();
        Assert.That(await sending, Is.EqualTo(SocketError.Success));
        Assert.That(await sender.SendAsync(Batch(new byte[1 << 20])), Is.EqualTo(SocketError.Success));
        Assert.That(await writer.ReceiveAsync(new byte[10]), Is.Zero, "the other direction has ended");
        Assert.That(await reader.ReceiveAsync(new byte[10]), Is.Zero);
        Assert.That(lingering.IsCompleted, Is.False);
        writer.Close();
        await lingering.WaitAsync(Loopback.Patience);
        reader.Dispose();
    }

    [Test]
    public async Task Lingering_ends_when_it_takes_too_long()
    {
        var (writer, reader) = InProcessTransport.CreatePair(s_address);
        using var timeout = new CancellationTokenSource(TimeSpan.FromMilliseconds(20));
        Assert.That(async () => await reader.LingerAsync(timeout.Token), Throws.InstanceOf<OperationCanceledException>());
        reader.Dispose();
        Assert.That(await writer.ReceiveAsync(new byte[10]), Is.Zero);
        writer.Dispose();
    }

    /// <summary>One piece for each block.</summary>
    private SendBatch Batch(ReadOnlySpan<byte> bytes)
    {
        var batch = new SendBatch();
        while (!bytes.IsEmpty)
        {
            var block = _pool.Take();
            var length = Math.Min(bytes.Length, Block.Size);
            bytes[..length].CopyTo(block.Array);
            batch.Add(block.Segment(0, length), block);
            bytes = bytes[length..];
        }

        return batch;
    }

    /// <summary>Sends a batch at a time, as <see cref="FrameSender"/> does.</summary>
    private sealed class Sender : IDisposable
    {
        private readonly ConnectionTransport _transport;
        private SendBatch _batch = new();
        private TaskCompletionSource<SocketError> _done = new();

        public Sender(ConnectionTransport transport)
        {
            _transport = transport;
            transport.SendCompleted = () =>
            {
                if (s_isClosing) _done.TrySetException(new InvalidOperationException("on the closer's thread"));
                if (Book()) Go();
            };
        }

        public Task<SocketError> SendAsync(SendBatch batch)
        {
            _batch = batch;
            _done = new TaskCompletionSource<SocketError>(TaskCreationOptions.RunContinuationsAsynchronously);
            var done = _done.Task;
            Go();
            return done;
        }

        public void Dispose() => _transport.Dispose();

        private void Go()
        {
            while (!_transport.Send(_batch))
            {
                if (!Book()) return;
            }
        }

        private bool Book()
        {
            var error = _transport.SendError;
            if (error == SocketError.Success) _batch.Advance(_transport.BytesSent);
            else _batch.ReleaseRest();
            if (_batch.Count > 0) return true;
            _done.TrySetResult(error);
            return false;
        }
    }
}
