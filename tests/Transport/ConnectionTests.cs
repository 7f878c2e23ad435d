using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using Delos.Protocol.Blocks;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Tests.Transport;

/// <summary>Two good peers.</summary>
[TestFixture(TransportKind.Socket)]
[TestFixture(TransportKind.InProcess)]
public sealed class ConnectionTests(TransportKind transport)
{
    [Test]
    public async Task A_request_gets_its_reply_with_its_payload()
    {
        var client = new RecordingHandler();
        await using var loopback = new Loopback(Echo(), transport: transport);
        var connection = await loopback.DialAsync(client);
        using var response = await connection.RequestAsync(new TestMessage(3, 4), "payload"u8);
        Assert.Multiple(() =>
        {
            Assert.That(response.TryRead<TestMessage>(out var message) ? message : default, Is.EqualTo(new TestMessage(3, 4)));
            Assert.That(response.Payload.ToArray(), Is.EqualTo("payload"u8.ToArray()));
            Assert.That(connection.Peer.NodeId, Is.EqualTo(1));
            Assert.That(connection.Peer.ClusterId, Is.EqualTo(Loopback.Cluster));
            Assert.That(connection.Peer.Incarnation, Is.EqualTo(77));
            Assert.That(client.Frames, Is.Zero);
        });
        response.Dispose();
        Assert.That(() => response.PayloadLength, Throws.TypeOf<ObjectDisposedException>());
    }

    [Test]
    public async Task Many_requests_at_once_each_get_their_own_reply()
    {
        await using var loopback = new Loopback(Echo(), transport: transport);
        var connection = await loopback.DialAsync(new RecordingHandler());
        await Parallel.ForAsync(0, 2000, async (i, _) =>
        {
            var payload = BitConverter.GetBytes(i);
            using var response = await connection.RequestAsync(new TestMessage((ulong)i, 0), RetainedPayload.Copy(payload), CancellationToken.None);
            Assert.That(response.TryRead<TestMessage>(out var message) && message.A == (ulong)i, Is.True);
            Assert.That(response.Payload.ToArray(), Is.EqualTo(payload));
        });
    }

    [Test]
    public async Task An_error_reply_fails_the_request_with_its_code()
    {
        await using var loopback = new Loopback(Echo(), transport: transport);
        var connection = await loopback.DialAsync(new RecordingHandler());
        var failure = await Assert.ThrowsAsync<DelosProtocolException>(async () => await connection.RequestAsync(new LargeMessage(new byte[5])));
        Assert.That(failure!.Code, Is.EqualTo(StatusCode.NotServed));
        Assert.That(failure.Message, Is.EqualTo("not here"));
        Assert.That(connection.IsClosed, Is.False);
    }

    [Test]
    public async Task A_cancelled_request_ends_and_its_late_reply_is_dropped()
    {
        var correlation = new TaskCompletionSource<ulong>();
        var server = new RecordingHandler { Callback = (Connection _, in Frame frame) => correlation.TrySetResult(frame.CorrelationId) };
        var client = new RecordingHandler();
        await using var loopback = new Loopback(server, transport: transport);
        var connection = await loopback.DialAsync(client);
        using var cancellation = new CancellationTokenSource();
        var request = connection.RequestAsync(new TestMessage(1, 2), cancellation.Token);
        var id = await correlation.Task.WaitAsync(Loopback.Patience);
        await cancellation.CancelAsync();
        await Assert.CatchAsync<OperationCanceledException>(async () => await request);

        var accepted = await loopback.Accepted;
        accepted.Reply(new TestMessage(1, 2), id);
        accepted.Enqueue(new TestMessage(9, 9));
        accepted.Flush();
        await Loopback.UntilAsync(() => client.Frames > 0, "the frame behind the late reply");
        Assert.That(client.Frames, Is.EqualTo(1));
    }

    [Test]
    public async Task A_lost_connection_fails_its_requests_and_reports_once()
    {
        var arrived = new TaskCompletionSource<Connection>();
        var server = new RecordingHandler { Callback = (Connection c, in Frame _) => arrived.TrySetResult(c) };
        var client = new RecordingHandler();
        await using var loopback = new Loopback(server, transport: transport);
        var connection = await loopback.DialAsync(client);
        var request = connection.RequestAsync(new TestMessage(1, 2));
        (await arrived.Task.WaitAsync(Loopback.Patience)).Close();
        await Assert.ThrowsAsync<ConnectionLostException>(async () => await request);
        Assert.That(await client.Closed.WaitAsync(Loopback.Patience), Is.TypeOf<ConnectionLostException>());
        Assert.That(await server.Closed.WaitAsync(Loopback.Patience), Is.Null);
        await connection.Completion;
        Assert.Multiple(() =>
        {
            Assert.That(connection.IsClosed);
            Assert.That(connection.Closed.IsCancellationRequested);
            Assert.That(client.ClosedCalls, Is.EqualTo(1));
            Assert.That(connection.Enqueue(new TestMessage(1, 2)), Is.False);
        });
        await Assert.ThrowsAsync<ConnectionLostException>(async () => await connection.RequestAsync(new TestMessage(1, 2)));
    }

    [Test]
    public async Task An_enqueue_after_close_releases_the_payload()
    {
        await using var loopback = new Loopback(Echo(), transport: transport);
        var connection = await loopback.DialAsync(new RecordingHandler());
        await connection.DisposeAsync();
        var pool = new BlockPool();
        var block = pool.Take();
        var payload = RetainedPayload.Create(new ReadOnlySequence<byte>(block.Memory));
        block.Release();
        Assert.That(connection.Enqueue(new TestMessage(1, 2), payload), Is.False);
        Assert.That(pool.LiveBlocks, Is.Zero);
    }

    [TestCase(0, 100)]
    [TestCase(200_000, 0)]
    [TestCase(200_000, 3_000_000)]
    [TestCase(10, 8_000_000)]
    public async Task A_frame_that_spans_many_blocks_arrives_whole(int metadataLength, int payloadLength)
    {
        var random = new Random(5);
        var metadata = new byte[metadataLength];
        var payload = new byte[payloadLength];
        random.NextBytes(metadata);
        random.NextBytes(payload);
        var received = new TaskCompletionSource<(byte[], byte[])>();
        var server = new RecordingHandler
        {
            Callback = (Connection _, in Frame frame) => received.TrySetResult((frame.TryRead<LargeMessage>(out var message) ? message.Bytes.ToArray() : [], frame.Payload.ToArray())),
        };
        var loopback = new Loopback(server, transport: transport);
        var connection = await loopback.DialAsync(new RecordingHandler());
        connection.Enqueue(new LargeMessage(metadata), RetainedPayload.Copy(payload));
        connection.Flush();
        var (gotMetadata, gotPayload) = await received.Task.WaitAsync(Loopback.Patience);
        Assert.That(gotMetadata.AsSpan().SequenceEqual(metadata));
        Assert.That(gotPayload.AsSpan().SequenceEqual(payload));
        await loopback.DisposeAsync();
        Assert.That(loopback.Options.Pool.LiveBlocks, Is.Zero);
    }

    [Test]
    public async Task A_frame_larger_than_the_peer_accepts_is_not_sent()
    {
        await using var loopback = new Loopback(Echo(), new ConnectionOptions { MaxFrameBytes = 4096 }, transport: transport);
        var connection = await loopback.DialAsync(new RecordingHandler());
        Assert.That(() => connection.Enqueue(new TestMessage(1, 2), new byte[5000].AsSpan()), Throws.TypeOf<DelosProtocolException>().With.Property("Code").EqualTo(StatusCode.LimitExceeded));
        Assert.That(async () => await connection.RequestAsync(new TestMessage(1, 2), RetainedPayload.Copy(new byte[5000])), Throws.TypeOf<DelosProtocolException>());
        using var response = await connection.RequestAsync(new TestMessage(1, 2));
        Assert.That(connection.IsClosed, Is.False);
    }

    [Test]
    public async Task Concurrent_enqueuers_keep_their_order_and_lose_nothing()
    {
        const int Threads = 6, Each = 20_000;
        var next = new ulong[Threads];
        var wrong = 0;
        var server = new RecordingHandler
        {
            Callback = (Connection _, in Frame frame) =>
            {
                if (!frame.TryRead<TestMessage>(out var message) || next[message.A]++ != message.B || frame.Payload.Length != (long)(message.B % 40)) wrong++;
            },
        };
        var pool = new BlockPool();
        var loopback = new Loopback(server, new ConnectionOptions { Pool = pool }, transport: transport);
        var connection = await loopback.DialAsync(new RecordingHandler());
        await Task.WhenAll(Enumerable.Range(0, Threads).Select(t => Task.Run(async () =>
        {
            using var arena = new PayloadArena(pool);
            for (var i = 0; i < Each; i++)
            {
                var message = new TestMessage((ulong)t, (ulong)i);
                if (t % 2 == 0) connection.Enqueue(message, arena.Copy(new byte[i % 40]));
                else connection.Enqueue(message, new byte[i % 40].AsSpan());
                if (i % (t + 1) == 0) connection.Flush();
                while (connection.QueuedBytes > 1 << 20) await Task.Yield();
            }

            connection.Flush();
        })));
        await Loopback.UntilAsync(() => server.Frames == Threads * Each, "all frames");
        Assert.That(wrong, Is.Zero);
        await Loopback.UntilAsync(() => connection.QueuedBytes == 0, "nothing queued");
        await loopback.DisposeAsync();
        Assert.That(pool.LiveBlocks, Is.Zero);
    }

    [TestCase(0)]
    [TestCase(256)]
    public async Task Frames_forwarded_to_three_sockets_arrive_uncorrupted_and_leak_no_block(int copyThreshold)
    {
        const int Frames = 80_000;
        var pool = new BlockPool();
        var options = new ConnectionOptions { Pool = pool, CopyThreshold = copyThreshold };
        var sinks = Enumerable.Range(0, 3).Select(_ => new CheckingHandler()).ToArray();
        var ends = sinks.Select(s => new Loopback(s, options, transport: transport)).ToArray();
        var links = await Task.WhenAll(ends.Select(e => e.DialAsync(new RecordingHandler())));
        var forwarder = new RecordingHandler
        {
            Callback = (Connection connection, in Frame frame) =>
            {
                if (!frame.TryRead<TestMessage>(out var message)) return;
                foreach (var link in links)
                {
                    link.Enqueue(message, frame.RetainPayload());
                }
            },
            BatchEnd = _ =>
            {
                foreach (var link in links) link.Flush();
            },
        };
        var middle = new Loopback(forwarder, options, transport: transport);
        var source = await middle.DialAsync(new RecordingHandler());
        var random = new Random(7);
        var payload = new byte[3000];
        for (var i = 0; i < Frames; i++)
        {
            random.NextBytes(payload.AsSpan(0, 8));
            var length = i % 1000 == 0 ? 3000 : 8 + i % 150;
            CheckingHandler.Fill(payload.AsSpan(0, length), i);
            source.Enqueue(new TestMessage((ulong)i, (ulong)length), payload.AsSpan(0, length));
            if (i % 32 == 31) source.Flush();
            while (source.QueuedBytes > 1 << 20 || links.Any(l => l.QueuedBytes > 16 << 20)) await Task.Yield();
        }

        source.Flush();
        foreach (var sink in sinks) await Loopback.UntilAsync(() => sink.Frames == Frames, "all frames at a sink");
        Assert.That(sinks.Sum(s => s.Corrupt), Is.Zero);
        await middle.DisposeAsync();
        foreach (var end in ends) await end.DisposeAsync();
        Assert.That(pool.LiveBlocks, Is.Zero);
    }

    [Test]
    public async Task Handlers_that_answer_each_other_over_two_connections_do_not_deadlock()
    {
        // Node A's handler sends on its own dialled connection to B, B's on its own to A, both at full speed.
        Connection? toA = null, toB = null;
        var hops = 0;
        await using var a = new Loopback(new RecordingHandler { Callback = (Connection _, in Frame f) => Bounce(toB!, f) }, transport: transport);
        await using var b = new Loopback(new RecordingHandler { Callback = (Connection _, in Frame f) => Bounce(toA!, f) }, transport: transport);
        toA = await a.DialAsync(new RecordingHandler());
        toB = await b.DialAsync(new RecordingHandler());
        for (ulong ball = 0; ball < 200; ball++)
        {
            toA.Enqueue(new TestMessage(ball, 500), new byte[2000].AsSpan());
            toB.Enqueue(new TestMessage(ball, 500), new byte[2000].AsSpan());
        }

        toA.Flush();
        toB.Flush();
        await Loopback.UntilAsync(() => Volatile.Read(ref hops) == 2 * 200 * 501, "all balls to stop");

        void Bounce(Connection next, in Frame frame)
        {
            Interlocked.Increment(ref hops);
            if (!frame.TryRead<TestMessage>(out var ball) || ball.B == 0) return;
            next.Enqueue(new TestMessage(ball.A, ball.B - 1), frame.RetainPayload());
            next.Flush();
        }
    }

    [Test]
    public async Task A_paused_connection_holds_its_sender_back_until_it_resumes()
    {
        var server = new RecordingHandler { Callback = static (Connection _, in Frame _) => { } };
        await using var loopback = new Loopback(server, new ConnectionOptions { MaxQueuedBytes = 256 << 20 }, transport: transport);
        var connection = await loopback.DialAsync(new RecordingHandler());
        var accepted = await loopback.Accepted;
        accepted.PauseReading();
        accepted.PauseReading();
        const int Frames = 1000;
        for (var i = 0; i < Frames; i++) connection.Enqueue(new TestMessage(0, 0), new byte[64 << 10].AsSpan());
        connection.Flush();

        // Longer than the heartbeat's timeout: being held back is not being dead.
        var watch = Stopwatch.StartNew();
        await Loopback.UntilAsync(() => watch.Elapsed > TimeSpan.FromSeconds(1.5), "time to pass");
        Assert.That(connection.QueuedBytes, Is.GreaterThan(16 << 20));
        Assert.That(connection.IsClosed, Is.False);
        var before = server.Frames;
        accepted.ResumeReading();
        Assert.That(server.Frames, Is.EqualTo(before));
        accepted.ResumeReading();
        await Loopback.UntilAsync(() => server.Frames == Frames, "all frames");
        Assert.Throws<InvalidOperationException>(accepted.ResumeReading);
    }

    [Test]
    public async Task A_peer_that_does_not_read_is_disconnected_at_the_limit()
    {
        var client = new RecordingHandler();
        var options = new ConnectionOptions { MaxQueuedBytes = 4 << 20, MaxFrameBytes = 1 << 20, Pool = new BlockPool() };
        await using var loopback = new Loopback(new RecordingHandler(), options, transport: transport);
        var connection = await loopback.DialAsync(client);
        (await loopback.Accepted).PauseReading();
        var sent = 0;
        while (connection.Enqueue(new TestMessage(0, 0), new byte[64 << 10].AsSpan()) && sent++ < 10_000) connection.Flush();
        Assert.That(sent, Is.LessThan(10_000));
        Assert.That((await client.Closed.WaitAsync(Loopback.Patience))!.Message, Does.Contain("does not read"));
        await Loopback.UntilAsync(() => connection.QueuedBytes == 0, "nothing being kept for it");
    }

    /// <summary>Answers are made in the middle of other work, such as a commit: they must not fail there.</summary>
    [Test]
    public async Task An_answer_that_the_peer_does_not_accept_closes_its_connection_and_does_not_throw([Values] bool withPayload)
    {
        var client = new RecordingHandler();
        var pool = new BlockPool();
        await using (var loopback = new Loopback(new RecordingHandler(), new ConnectionOptions { Pool = pool }, transport: transport))
        {
            await loopback.DialAsync(client, options: new ConnectionOptions { MaxFrameBytes = PeerLimits.MinFrameBytes, Pool = pool });
            var accepted = await loopback.Accepted;
            var large = new Error(StatusCode.Internal, new string('x', PeerLimits.MinFrameBytes));
            Assert.That(withPayload ? accepted.Reply(new TestMessage(0, 0), RetainedPayload.Copy(new byte[PeerLimits.MinFrameBytes]), 1) : accepted.Reply(large, 1), Is.False);
            await client.Closed.WaitAsync(Loopback.Patience);
            Assert.That(accepted.IsClosed, Is.True);
        }
    }

    [Test]
    public async Task A_connection_closed_when_sent_delivers_what_was_queued()
    {
        var client = new RecordingHandler();
        await using var loopback = new Loopback(new RecordingHandler(), transport: transport);
        await loopback.DialAsync(client);
        var accepted = await loopback.Accepted;
        for (ulong i = 0; i < 1000; i++) accepted.Enqueue(new TestMessage(i, i), new byte[1000].AsSpan());
        accepted.CloseWhenSent();
        Assert.That(accepted.Enqueue(new TestMessage(0, 0)), Is.False);
        await client.Closed.WaitAsync(Loopback.Patience);
        Assert.That(client.Frames, Is.EqualTo(1000));
    }

    [Test]
    public async Task A_handler_that_throws_closes_its_connection_and_the_peer_hears_why()
    {
        var client = new RecordingHandler();
        var server = new RecordingHandler { Callback = static (Connection _, in Frame _) => throw new InvalidOperationException("a bug") };
        await using var loopback = new Loopback(server, transport: transport);
        var connection = await loopback.DialAsync(client);
        connection.Enqueue(new TestMessage(1, 2));
        connection.Flush();
        var reason = await client.Closed.WaitAsync(Loopback.Patience);
        Assert.That(reason, Is.TypeOf<DelosProtocolException>().With.Property("Code").EqualTo(StatusCode.Internal));
        Assert.That(await server.Closed.WaitAsync(Loopback.Patience), Is.TypeOf<DelosProtocolException>());
    }

    private static RecordingHandler Echo() => new()
    {
        Callback = static (Connection connection, in Frame frame) =>
        {
            if (frame.TryRead<TestMessage>(out var message)) connection.Reply(message, frame.RetainPayload(), frame.CorrelationId);
            else connection.ReplyError(StatusCode.NotServed, "not here", frame.CorrelationId);
        },
    };

    /// <summary>Checks that frames come in order with the content that belongs to their number.</summary>
    private sealed class CheckingHandler : IFrameHandler
    {
        private int _frames;

        public int Frames => Volatile.Read(ref _frames);

        public int Corrupt { get; private set; }

        public static void Fill(Span<byte> payload, int number)
        {
            for (var i = 0; i + 4 <= payload.Length; i += 4) BinaryPrimitives.WriteInt32LittleEndian(payload[i..], number ^ (i * 7919));
        }

        public void OnFrame(Connection connection, in Frame frame)
        {
            Span<byte> expected = stackalloc byte[3000];
            Span<byte> actual = stackalloc byte[3000];
            var length = (int)frame.Payload.Length;
            frame.Payload.CopyTo(actual);
            Fill(expected[..length], _frames);
            var words = length & ~3;
            if (!frame.TryRead<TestMessage>(out var message) || message.A != (ulong)_frames || message.B != (ulong)length || !actual[..words].SequenceEqual(expected[..words])) Corrupt++;
            Volatile.Write(ref _frames, _frames + 1);
        }

        public void OnBatchEnd(Connection connection)
        {
        }

        public void OnClosed(Connection connection, Exception? reason)
        {
        }
    }
}
