using System.Net;
using System.Net.Sockets;

namespace Delos.Protocol.Connections;

/// <summary>Dials peers: over a socket, or, whoever listens in this process and is to be reached so (<see cref="ConnectionOptions.InProcess"/>), without one.</summary>
public static class Connector
{
    /// <inheritdoc cref="ConnectAsync(EndPoint, LocalPeer, Guid, uint, IFrameHandler, ConnectionOptions, CancellationToken)"/>
    public static ValueTask<Connection> ConnectAsync(
        string host, int port, LocalPeer me, Guid expectedCluster, uint expectedNodeId, IFrameHandler handler, ConnectionOptions options, CancellationToken cancellationToken = default) =>
        ConnectAsync(ToEndPoint(host, port), me, expectedCluster, expectedNodeId, handler, options, cancellationToken);

    /// <summary>
    /// Connects and shakes hands. The handler may see frames before this returns. Fails with <see cref="ConnectionLostException"/> (nobody there, or no answer within the hello
    /// timeout) or <see cref="DelosProtocolException"/> (the peer refused, or is not the one expected).
    /// </summary>
    /// <param name="expectedCluster">Empty: any.</param>
    /// <param name="expectedNodeId">0: any.</param>
    public static async ValueTask<Connection> ConnectAsync(
        EndPoint endPoint, LocalPeer me, Guid expectedCluster, uint expectedNodeId, IFrameHandler handler, ConnectionOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        ArgumentNullException.ThrowIfNull(me);
        ArgumentNullException.ThrowIfNull(handler);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        me = me with { Limits = me.Limits with { MaxFrameBytes = options.MaxFrameBytes } };

        var transport = options.InProcess?.TryDial(endPoint) ?? await DialAsync(endPoint, options, cancellationToken).ConfigureAwait(false);
        var side = new DialerSide(me, expectedCluster, expectedNodeId, handler);
        var connection = new Connection(transport, options, side);
        connection.Enqueue(Handshake.Greet(me));
        connection.Flush();
        connection.Start();
        try
        {
            await side.Established.WaitAsync(cancellationToken).ConfigureAwait(false);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>A numeric address as it is, anything else to be resolved at each dial.</summary>
    public static EndPoint ToEndPoint(string host, int port) => IPAddress.TryParse(host, out var address) ? new IPEndPoint(address, port) : new DnsEndPoint(host, port);

    private static async ValueTask<ConnectionTransport> DialAsync(EndPoint endPoint, ConnectionOptions options, CancellationToken cancellationToken)
    {
        var addresses = await ResolveAsync(endPoint, options, cancellationToken).ConfigureAwait(false);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        using var timeout = new CancellationTokenSource(options.ConnectTimeout, options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            if (endPoint is DnsEndPoint name) await socket.ConnectAsync(addresses, name.Port, either.Token).ConfigureAwait(false);
            else await socket.ConnectAsync(endPoint, either.Token).ConfigureAwait(false);
            return new SocketTransport(socket, options);
        }
        catch (SocketException exception)
        {
            socket.Dispose();
            throw new ConnectionLostException($"Cannot connect to {endPoint}: {exception.Message}.", exception);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            socket.Dispose();
            throw new ConnectionLostException($"Cannot connect to {endPoint}: no answer within {options.ConnectTimeout.TotalSeconds} s.");
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async ValueTask<IPAddress[]> ResolveAsync(EndPoint endPoint, ConnectionOptions options, CancellationToken cancellationToken)
    {
        if (endPoint is not DnsEndPoint name) return [];
        try
        {
            return await Dns.GetHostAddressesAsync(name.Host, cancellationToken).WaitAsync(options.HelloTimeout, options.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is SocketException or TimeoutException)
        {
            throw new ConnectionLostException($"Cannot find the address of {name.Host}: {exception.Message}", exception);
        }
    }
}
