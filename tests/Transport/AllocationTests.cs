using Delos.Protocol.Connections;
using Delos.Protocol.Framing;

namespace Delos.Tests.Transport;

/// <summary>The hot path allocates nothing per frame once its pools are warm.</summary>
[NonParallelizable]
[TestFixture(TransportKind.Socket)]
[TestFixture(TransportKind.InProcess)]
public sealed class AllocationTests(TransportKind transport)
{
    private const int Frames = 100_000;

    [Test]
    public async Task Frames_with_payload_there_and_back_allocate_nothing()
    {
        // Every frame is forwarded from the block that it was received in; both ends and all threads are counted.
        var server = new Reflector();
        var client = new Counter();
        await using var loopback = new Loopback(server, transport: transport);
        var connection = await loopback.DialAsync(client);
        var payload = new byte[128];
        await AssertNothingAsync("frame there and back", Frames, () => DriveAsync(Frames));

        async Task DriveAsync(int frames)
        {
            var start = client.Frames;
            for (var i = 0; i < frames; i++)
            {
                connection.Enqueue(new TestMessage((ulong)i, 0), payload.AsSpan());
                if (i % 16 == 15) connection.Flush();
                while (i - (client.Frames - start) > 512) Thread.Yield();
            }

            connection.Flush();
            await Loopback.UntilAsync(() => client.Frames - start == frames, "all frames back");
        }
    }

    [Test]
    public async Task Requests_allocate_nothing()
    {
        await using var loopback = new Loopback(new Reflector(), transport: transport);
        var connection = await loopback.DialAsync(new Counter());
        await AssertNothingAsync("request", 10_000, () => DriveAsync(10_000));

        async Task DriveAsync(int requests)
        {
            for (var i = 0; i < requests; i++)
            {
                using var response = await connection.RequestAsync(new TestMessage((ulong)i, 0), "12345678"u8);
                if (response.PayloadLength != 8) Assert.Fail("wrong reply");
            }
        }
    }

    private static async Task AssertNothingAsync(string what, int count, Func<Task> drive)
    {
        var least = await Allocations.LeastAsync(count, 1, drive);
        TestContext.Out.WriteLine($"{least:0.000} B per {what}");
        Assert.That(least, Is.LessThan(1));
    }

    private sealed class Reflector : IFrameHandler
    {
        public void OnFrame(Connection connection, in Frame frame)
        {
            frame.TryRead<TestMessage>(out var message);
            connection.Enqueue(message, frame.RetainPayload(), frame.CorrelationId, FrameFlags.Reply);
        }

        public void OnBatchEnd(Connection connection) => connection.Flush();

        public void OnClosed(Connection connection, Exception? reason)
        {
        }
    }

    private sealed class Counter : IFrameHandler
    {
        private int _frames;

        public int Frames => Volatile.Read(ref _frames);

        public void OnFrame(Connection connection, in Frame frame) => Volatile.Write(ref _frames, _frames + 1);

        public void OnBatchEnd(Connection connection)
        {
        }

        public void OnClosed(Connection connection, Exception? reason)
        {
        }
    }
}
