using System.Net;
using System.Net.Sockets;
using Delos.Protocol.Blocks;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Tests.Transport;

/// <summary>How peers in one process reach each other.</summary>
public enum TransportKind
{
    Socket,
    InProcess,
}

/// <summary>A listener on the loopback device, and dials to it, which go over sockets or within the process.</summary>
internal sealed class Loopback : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    public static readonly Guid Cluster = new("11111111-2222-3333-4444-555555555555");

    private readonly List<Connection> _dialled = [];
    private readonly TaskCompletionSource<Connection> _accepted = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Loopback(IFrameHandler server, ConnectionOptions? options = null, int maxConnections = 100, LocalPeer? me = null, TransportKind transport = TransportKind.Socket)
    {
        Transport = transport;
        Options = options ?? new ConnectionOptions { Pool = new BlockPool() };
        Listener = Listener.Start(new IPEndPoint(IPAddress.Loopback, 0), me ?? Node(1), Accept, Options, maxConnections);

        IFrameHandler Accept(Connection connection)
        {
            _accepted.TrySetResult(connection);
            return server;
        }
    }

    public ConnectionOptions Options { get; }

    public TransportKind Transport { get; }

    public Listener Listener { get; }

    /// <summary>The first accepted connection.</summary>
    public Task<Connection> Accepted => _accepted.Task;

    /// <summary>Those options, so that dials take this loopback's way.</summary>
    public ConnectionOptions Way(ConnectionOptions options) => options with { InProcess = Transport == TransportKind.InProcess ? new InProcessRoute(Listener.LocalEndPoint, Listener) : null };

    public static LocalPeer Node(uint id) => new(Cluster, id, NodeRoles.LogServer, 77, Guid.Empty, PeerLimits.Default);

    public async Task<Connection> DialAsync(IFrameHandler handler, LocalPeer? me = null, Guid cluster = default, uint node = 0, ConnectionOptions? options = null)
    {
        var connection = await Connector.ConnectAsync(Listener.LocalEndPoint, me ?? LocalPeer.Client(), cluster, node, handler, Way(options ?? Options));
        Assert.That(connection.IsInProcess, Is.EqualTo(Transport == TransportKind.InProcess));
        _dialled.Add(connection);
        return connection;
    }

    /// <summary>A plain socket connected to the listener.</summary>
    public async Task<Socket> RawAsync()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(Listener.LocalEndPoint);
        return socket;
    }

    /// <summary>The bytes of one frame.</summary>
    public static byte[] Bytes<T>(in T message, ReadOnlySpan<byte> payload = default, ulong correlationId = 0, byte version = 1, FrameFlags flags = FrameFlags.None)
        where T : struct, IMessage<T>
    {
        var bytes = new byte[FrameWriter.SizeOf(message) + payload.Length];
        FrameWriter.Write(bytes, message, payload.Length, correlationId, flags, version);
        payload.CopyTo(bytes.AsSpan(bytes.Length - payload.Length));
        return bytes;
    }

    /// <summary>Reads the raw socket to its end.</summary>
    public static async Task<byte[]> ReadToEndAsync(Socket socket)
    {
        using var patience = new CancellationTokenSource(Patience);
        using var all = new MemoryStream();
        var buffer = new byte[4096];
        for (int read; (read = await socket.ReceiveAsync(buffer, SocketFlags.None, patience.Token)) > 0;) all.Write(buffer, 0, read);
        return all.ToArray();
    }

    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        for (var waited = TimeSpan.Zero; !condition(); waited += TimeSpan.FromMilliseconds(5))
        {
            if (waited > Patience) Assert.Fail($"Waited in vain: {what}.");
            await Task.Delay(5);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in _dialled) await connection.DisposeAsync();
        await Listener.DisposeAsync();
    }
}
