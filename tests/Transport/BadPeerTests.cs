using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Delos.Protocol.Blocks;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Tests.Transport;

/// <summary>Peers that send nonsense, are not who they should be, or fall silent.</summary>
public sealed class BadPeerTests
{
    private static readonly byte[] s_hello = Loopback.Bytes(Handshake.Greet(LocalPeer.Client()));

    private static IEnumerable<TestCaseData> Nonsense()
    {
        var oversized = Loopback.Bytes(new TestMessage(1, 2));
        BinaryPrimitives.WriteInt32LittleEndian(oversized, 1 << 30);
        var broken = Loopback.Bytes(new TestMessage(1, 2));
        broken[30] ^= 1;
        var unknown = Loopback.Bytes(new TestMessage(1, 2));
        unknown[5] = 99;
        BinaryPrimitives.WriteUInt32LittleEndian(unknown.AsSpan(20), FrameHeader.ComputeChecksum(unknown, unknown.AsSpan(24)));
        yield return new TestCaseData("GET / HTTP/1.1\r\nHost: delos\r\n\r\n"u8.ToArray(), StatusCode.LimitExceeded).SetArgDisplayNames("garbage");
        yield return new TestCaseData(new byte[100], StatusCode.Malformed).SetArgDisplayNames("zeros");
        yield return new TestCaseData(oversized, StatusCode.LimitExceeded).SetArgDisplayNames("oversized");
        yield return new TestCaseData(broken, StatusCode.Malformed).SetArgDisplayNames("broken checksum");
        yield return new TestCaseData(unknown, StatusCode.Malformed).SetArgDisplayNames("unknown type");
        yield return new TestCaseData(Loopback.Bytes(new TestMessage(1, 2), version: 9), StatusCode.UnsupportedVersion).SetArgDisplayNames("unknown version");
    }

    private static IEnumerable<TestCaseData> NonsenseLater() => Nonsense().Append(new TestCaseData(s_hello, StatusCode.Malformed).SetArgDisplayNames("second Hello"));

    [TestCaseSource(nameof(NonsenseLater))]
    public async Task Nonsense_after_the_handshake_is_answered_with_an_error_and_the_end(byte[] nonsense, StatusCode code)
    {
        var server = new RecordingHandler();
        var loopback = new Loopback(server);
        using (var socket = await loopback.RawAsync())
        {
            // More behind the nonsense: closing with unread bytes must not destroy the Error frame.
            await socket.SendAsync((byte[])[.. s_hello, .. nonsense, .. new byte[100_000]]);
            var frames = Frames(await Loopback.ReadToEndAsync(socket));
            Assert.That(frames[0].Type, Is.EqualTo(FrameType.HelloReply));
            Assert.That(frames[^1].Error?.Code, Is.EqualTo(code), frames[^1].Error?.Text);
        }

        Assert.That(await server.Closed.WaitAsync(Loopback.Patience), Is.TypeOf<DelosProtocolException>().With.Property("Code").EqualTo(code));
        Assert.That(server.ClosedCalls, Is.EqualTo(1));
        Assert.That(server.Frames, Is.Zero);
        await loopback.DisposeAsync();
        Assert.That(loopback.Options.Pool.LiveBlocks, Is.Zero);
    }

    [TestCaseSource(nameof(Nonsense))]
    public async Task Nonsense_instead_of_a_handshake_is_answered_with_an_error_and_the_end(byte[] nonsense, StatusCode code)
    {
        await using var loopback = new Loopback(new RecordingHandler());
        using var socket = await loopback.RawAsync();
        await socket.SendAsync(nonsense);
        Assert.That(Frames(await Loopback.ReadToEndAsync(socket))[^1].Error?.Code, Is.EqualTo(code));
        Assert.That(loopback.Accepted.IsCompleted, Is.False);
    }

    [Test]
    public async Task Another_frame_than_Hello_at_first_is_refused()
    {
        await using var loopback = new Loopback(new RecordingHandler());
        using var socket = await loopback.RawAsync();
        await socket.SendAsync(Loopback.Bytes(new TestMessage(1, 2)));
        Assert.That(Frames(await Loopback.ReadToEndAsync(socket))[^1].Error?.Text, Does.Contain("must be a Hello"));
    }

    [Test]
    public async Task A_stream_that_ends_inside_a_frame_is_a_lost_connection()
    {
        var server = new RecordingHandler();
        await using var loopback = new Loopback(server);
        using (var socket = await loopback.RawAsync())
        {
            await socket.SendAsync((byte[])[.. s_hello, .. Loopback.Bytes(new TestMessage(1, 2), new byte[1000]).AsSpan(0, 500)]);
            await loopback.Accepted.WaitAsync(Loopback.Patience);
            socket.Shutdown(SocketShutdown.Send);
            Assert.That((await server.Closed.WaitAsync(Loopback.Patience))!.Message, Does.Contain("inside a frame"));
        }

        Assert.That(server.Frames, Is.Zero);
    }

    [Test]
    public async Task A_dialer_of_another_cluster_is_refused([Values] TransportKind transport)
    {
        await using var loopback = new Loopback(new RecordingHandler(), transport: transport);
        var stranger = Loopback.Node(2) with { ClusterId = Guid.NewGuid() };
        Assert.That(async () => await loopback.DialAsync(new RecordingHandler(), stranger), Throws.TypeOf<DelosProtocolException>().With.Property("Code").EqualTo(StatusCode.WrongCluster));
    }

    [Test]
    public async Task A_dialer_notices_another_cluster_or_node_than_it_expects([Values] TransportKind transport)
    {
        await using var loopback = new Loopback(new RecordingHandler(), transport: transport);
        Assert.That(
            async () => await loopback.DialAsync(new RecordingHandler(), cluster: Guid.NewGuid()),
            Throws.TypeOf<DelosProtocolException>().With.Property("Code").EqualTo(StatusCode.WrongCluster));
        Assert.That(
            async () => await loopback.DialAsync(new RecordingHandler(), node: 2),
            Throws.TypeOf<DelosProtocolException>().With.Property("Code").EqualTo(StatusCode.WrongNode).And.Message.Contains("node 2 was expected"));
        Assert.That((await loopback.DialAsync(new RecordingHandler(), cluster: Loopback.Cluster, node: 1)).IsClosed, Is.False);
    }

    /// <summary>An answer that does not fit would fail in the middle of whatever is answered: of a commit, for one.</summary>
    [Test]
    public void A_peer_that_takes_no_frame_of_an_answers_size_is_refused_on_either_side()
    {
        var narrow = PeerLimits.Default with { MaxFrameBytes = PeerLimits.MinFrameBytes - 1 };
        Assert.That(Handshake.TryAccept(Loopback.Node(1), Handshake.Greet(LocalPeer.Client() with { Limits = narrow }), out _, out _, out var refused), Is.False);
        Assert.That(refused.Code, Is.EqualTo(StatusCode.Malformed));
        Assert.That(refused.Text, Does.Contain("1024 are the least"));
        var reply = new HelloReply(1, Loopback.Cluster, 1, NodeRoles.LogServer, 7, Guid.NewGuid(), narrow);
        Assert.That(Handshake.TryVerify(LocalPeer.Client(), Guid.Empty, 0, reply, out _, out var refusal), Is.False);
        Assert.That(refusal.Code, Is.EqualTo(StatusCode.Malformed));
        Assert.That(Handshake.TryVerify(LocalPeer.Client(), Guid.Empty, 0, reply with { Limits = narrow with { MaxFrameBytes = PeerLimits.MinFrameBytes } }, out _, out _), Is.True);
    }

    [Test]
    public async Task No_common_version_is_refused_and_the_highest_common_one_is_chosen([Values] TransportKind transport)
    {
        await using var loopback = new Loopback(new RecordingHandler(), transport: transport);
        var later = LocalPeer.Client() with { MinVersion = 2, MaxVersion = 5 };
        Assert.That(async () => await loopback.DialAsync(new RecordingHandler(), later), Throws.TypeOf<DelosProtocolException>().With.Property("Code").EqualTo(StatusCode.UnsupportedVersion));
        var both = await loopback.DialAsync(new RecordingHandler(), LocalPeer.Client() with { MaxVersion = 5 });
        Assert.That(both.Peer.ProtocolVersion, Is.EqualTo(1));
        var me = Loopback.Node(1) with { MinVersion = 2, MaxVersion = 4 };
        Assert.That(Handshake.TryAccept(me, Handshake.Greet(LocalPeer.Client() with { MinVersion = 1, MaxVersion = 3 }), out var peer, out _, out _), Is.True);
        Assert.That(peer.ProtocolVersion, Is.EqualTo(3));
    }

    [Test]
    public async Task A_peer_that_never_says_Hello_is_disconnected()
    {
        await using var loopback = new Loopback(new RecordingHandler(), new ConnectionOptions { HelloTimeout = TimeSpan.FromMilliseconds(100) });
        using var socket = await loopback.RawAsync();
        Assert.That(await Loopback.ReadToEndAsync(socket), Is.Empty);
        await Loopback.UntilAsync(() => loopback.Listener.ConnectionCount == 0, "the connection to be forgotten");
    }

    [Test]
    public async Task A_dial_to_a_listener_that_never_answers_fails_in_time()
    {
        using var mute = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        mute.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        mute.Listen();
        var options = new ConnectionOptions { HelloTimeout = TimeSpan.FromMilliseconds(100) };
        Assert.That(
            async () => await Connector.ConnectAsync(mute.LocalEndPoint!, LocalPeer.Client(), Guid.Empty, 0, new RecordingHandler(), options),
            Throws.TypeOf<ConnectionLostException>().With.Message.Contains("No handshake"));
        await Task.CompletedTask;
    }

    [Test]
    public async Task A_dial_to_nobody_says_that_it_was_refused()
    {
        int port;
        using (var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            port = ((IPEndPoint)socket.LocalEndPoint!).Port;
        }

        var failure = await Assert.ThrowsAsync<ConnectionLostException>(
            async () => await Connector.ConnectAsync("127.0.0.1", port, LocalPeer.Client(), Guid.Empty, 0, new RecordingHandler(), ConnectionOptions.Default));
        Assert.That(failure!.IsRefused);
        Assert.That(failure.Message, Does.Contain($"127.0.0.1:{port}"));
    }

    [Test]
    public async Task A_connection_too_many_is_refused_until_one_is_closed([Values] TransportKind transport)
    {
        await using var loopback = new Loopback(new RecordingHandler(), maxConnections: 2, transport: transport);
        var first = await loopback.DialAsync(new RecordingHandler());
        await loopback.DialAsync(new RecordingHandler());
        Assert.That(async () => await loopback.DialAsync(new RecordingHandler()), Throws.TypeOf<DelosProtocolException>().With.Property("Code").EqualTo(StatusCode.LimitExceeded));
        await first.DisposeAsync();
        await Loopback.UntilAsync(() => loopback.Listener.ConnectionCount == 1, "the closed connection to be forgotten");
        Assert.That((await loopback.DialAsync(new RecordingHandler())).IsClosed, Is.False);
    }

    [Test]
    public async Task A_port_in_use_is_an_error_that_says_what_to_do()
    {
        await using var loopback = new Loopback(new RecordingHandler());
        Assert.That(
            () => Listener.Start(loopback.Listener.LocalEndPoint, Loopback.Node(2), _ => new RecordingHandler(), ConnectionOptions.Default, 10),
            Throws.TypeOf<IOException>().With.Message.Contains(loopback.Listener.LocalEndPoint.ToString()).And.Message.Contains("another process uses the port"));
    }

    [Test]
    public async Task A_silent_peer_gets_pings_and_is_then_disconnected()
    {
        var server = new RecordingHandler();
        var options = new ConnectionOptions { HeartbeatInterval = TimeSpan.FromMilliseconds(20), HeartbeatTimeout = TimeSpan.FromMilliseconds(200), Pool = new BlockPool() };
        await using var loopback = new Loopback(server, options);
        using var socket = await loopback.RawAsync();
        await socket.SendAsync(s_hello);
        var frames = Frames(await Loopback.ReadToEndAsync(socket));
        Assert.That(frames.Count(f => f.Type == FrameType.Ping), Is.GreaterThan(1));
        Assert.That(await server.Closed.WaitAsync(Loopback.Patience), Is.TypeOf<ConnectionLostException>().With.Message.Contains("silent"));
    }

    [Test]
    public async Task Idle_peers_keep_each_other_alive()
    {
        var client = new RecordingHandler();
        var options = new ConnectionOptions { HeartbeatInterval = TimeSpan.FromMilliseconds(20), HeartbeatTimeout = TimeSpan.FromMilliseconds(200) };
        await using var loopback = new Loopback(new RecordingHandler(), options);
        var connection = await loopback.DialAsync(client, options: options);
        Assert.That(async () => await client.Closed.WaitAsync(TimeSpan.FromSeconds(1)), Throws.TypeOf<TimeoutException>());
        Assert.That(connection.IsClosed, Is.False);
    }

    [Test]
    public void The_heartbeat_decides_by_what_it_is_told()
    {
        var (at, received) = (TimeSpan.Zero, TimeSpan.Zero);
        var heartbeat = new Heartbeat(TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(1000), at);
        Assert.That(Tick(alive: true), Is.EqualTo(HeartbeatAction.None));
        for (var i = 0; i < 9; i++) Assert.That(Tick(), Is.EqualTo(HeartbeatAction.SendPing));
        Assert.That(Tick(), Is.EqualTo(HeartbeatAction.Close));
        Assert.That(Tick(paused: true), Is.EqualTo(HeartbeatAction.SendPing), "silence while we do not read is our own");
        for (var i = 0; i < 9; i++) Assert.That(Tick(), Is.EqualTo(HeartbeatAction.SendPing));
        Assert.That(Tick(step: 30_000), Is.EqualTo(HeartbeatAction.SendPing), "we did not run ourselves");
        for (var i = 0; i < 9; i++) Assert.That(Tick(), Is.EqualTo(HeartbeatAction.SendPing));
        Assert.That(Tick(), Is.EqualTo(HeartbeatAction.Close));

        HeartbeatAction Tick(bool alive = false, bool paused = false, int step = 100)
        {
            at += TimeSpan.FromMilliseconds(step);
            if (alive) received = at;
            return heartbeat.Tick(at, received, unread: false, paused);
        }
    }

    [Test]
    public void Silence_is_counted_from_the_last_sign_of_life_and_ends_when_the_timeout_is_over()
    {
        var heartbeat = new Heartbeat(TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(1000), TimeSpan.Zero);
        var (at, received) = (TimeSpan.Zero, TimeSpan.FromMilliseconds(37));
        var action = HeartbeatAction.None;
        while (action != HeartbeatAction.Close) action = heartbeat.Tick(at += heartbeat.Next, received, unread: false, paused: false);
        Assert.That(at, Is.EqualTo(TimeSpan.FromMilliseconds(1037)));
    }

    [Test]
    public async Task Random_streams_never_harm_the_listener()
    {
        var random = new Random(11);
        var options = new ConnectionOptions { Pool = new BlockPool(), LingerTimeout = TimeSpan.FromMilliseconds(100) };
        var loopback = new Loopback(new RecordingHandler(), options);
        for (var i = 0; i < 100; i++)
        {
            using var socket = await loopback.RawAsync();
            var bytes = new byte[random.Next(1, 2000)];
            random.NextBytes(bytes);
            await socket.SendAsync(i % 2 == 0 ? bytes : [.. s_hello, .. bytes]);
        }

        var good = await loopback.DialAsync(new RecordingHandler());
        Assert.That(good.IsClosed, Is.False);
        await loopback.DisposeAsync();
        Assert.That(options.Pool.LiveBlocks, Is.Zero);
    }

    private static List<(FrameType Type, Error? Error)> Frames(byte[] bytes)
    {
        var parser = new FrameParser(1 << 20);
        var buffer = new ReadOnlySequence<byte>(bytes);
        var frames = new List<(FrameType, Error?)>();
        while (parser.TryParse(ref buffer, out var frame) == ParseResult.Frame) frames.Add((frame.Type, frame.TryRead<Error>(out var error) ? error : null));
        Assert.That(buffer.IsEmpty, "whole frames only");
        Assert.That(frames, Is.Not.Empty);
        return frames;
    }
}
