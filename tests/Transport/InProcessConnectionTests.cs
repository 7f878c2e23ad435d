using System.Net;
using Delos.Protocol.Blocks;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;

namespace Delos.Tests.Transport;

/// <summary>What connections within the process have of their own; what they share with all others is in <see cref="ConnectionTests"/>.</summary>
public sealed class InProcessConnectionTests
{
    [ThreadStatic]
    private static bool s_isInside;

    [Test]
    public async Task Only_the_address_itself_is_reached_without_a_socket()
    {
        await using var loopback = new Loopback(new RecordingHandler(), transport: TransportKind.InProcess);
        await using var other = new Loopback(new RecordingHandler(), me: Loopback.Node(2));
        var port = loopback.Listener.LocalEndPoint.Port;
        var options = loopback.Way(loopback.Options);
        foreach (var (address, node, isInProcess) in new (EndPoint, uint, bool)[]
        {
            (loopback.Listener.LocalEndPoint, 1, true),
            (new DnsEndPoint("localhost", port), 1, false),
            (other.Listener.LocalEndPoint, 2, false),
        })
        {
            await using var connection = await Connector.ConnectAsync(address, LocalPeer.Client(), Loopback.Cluster, node, new RecordingHandler(), options);
            Assert.That((connection.IsInProcess, connection.Peer.NodeId), Is.EqualTo((isInProcess, node)), address.ToString());
        }
    }

    [Test]
    public async Task The_listener_counts_them_among_its_own_and_apart()
    {
        await using var loopback = new Loopback(new RecordingHandler(), transport: TransportKind.InProcess);
        await loopback.DialAsync(new RecordingHandler());
        await using (await Connector.ConnectAsync(loopback.Listener.LocalEndPoint, LocalPeer.Client(), Guid.Empty, 0, new RecordingHandler(), loopback.Options))
        {
            Assert.That((loopback.Listener.ConnectionCount, loopback.Listener.InProcessConnectionCount), Is.EqualTo((2, 1)));
        }
    }

    [Test]
    public async Task Neither_handler_ever_runs_inside_the_others_sends_and_closes()
    {
        var reentered = 0;
        var server = new RecordingHandler
        {
            Callback = (Connection connection, in Frame frame) =>
            {
                Check();
                if (frame.TryRead<TestMessage>(out var message)) connection.Enqueue(message);
                Inside(connection.Flush);
            },
        };
        var client = new RecordingHandler { Callback = (Connection _, in Frame _) => Check(), BatchEnd = _ => Check() };
        await using var loopback = new Loopback(server, transport: TransportKind.InProcess);
        var connection = await loopback.DialAsync(client);
        for (ulong i = 0; i < 2000; i++)
        {
            connection.Enqueue(new TestMessage(i, 0), new byte[i % 500 * 10].AsSpan());
            if (i % 3 == 0) Inside(connection.Flush);
        }

        Inside(connection.Flush);
        await Loopback.UntilAsync(() => client.Frames == 2000, "all answers");
        Inside(() => connection.Close());
        await server.Closed.WaitAsync(Loopback.Patience);
        Assert.That(reentered, Is.Zero);

        void Check()
        {
            if (s_isInside) Interlocked.Increment(ref reentered);
        }

        static void Inside(Action action)
        {
            s_isInside = true;
            action();
            s_isInside = false;
        }
    }

    /// <summary>Each round both ends send from several threads while one of them is closed, at another moment each time.</summary>
    [Test]
    public async Task Either_end_may_be_closed_at_any_moment_under_load()
    {
        var options = new ConnectionOptions { Pool = new BlockPool(), LingerTimeout = TimeSpan.FromMilliseconds(100) };
        var random = new Random(3);
        for (var round = 0; round < 60; round++)
        {
            var (server, client) = (new RecordingHandler(), new RecordingHandler());
            await using (var loopback = new Loopback(server, options, transport: TransportKind.InProcess))
            {
                var dialled = await loopback.DialAsync(client);
                var accepted = await loopback.Accepted;
                Connection[] ends = [dialled, accepted];
                var load = ends.SelectMany(e => Enumerable.Range(0, 2).Select(_ => Task.Run(() => SendUntilClosed(e)))).ToArray();
                for (var spin = random.Next(3000); spin > 0; spin--) Thread.SpinWait(10);
                var closing = ends[round % 2];
                if (round % 4 < 2) closing.Close();
                else closing.CloseWhenSent();
                await Task.WhenAll(load).WaitAsync(Loopback.Patience);
                await Task.WhenAll(ends.Select(e => e.Completion)).WaitAsync(Loopback.Patience);
                Assert.That((server.ClosedCalls, client.ClosedCalls), Is.EqualTo((1, 1)));
            }

            Assert.That(options.Pool.LiveBlocks, Is.Zero, $"round {round}");
        }

        static void SendUntilClosed(Connection connection)
        {
            var payload = new byte[30_000];
            for (ulong i = 0; connection.Enqueue(new TestMessage(i, 0), payload.AsSpan(0, (int)(i * 7919 % 30_000))); i++)
            {
                if (i % 2 == 0) connection.Flush();
                if (connection.QueuedBytes > 1 << 20) Thread.Yield();
            }
        }
    }
}
