using System.Net;
using System.Net.Sockets;

namespace Delos.Protocol.Connections;

/// <summary>Accepts connections, a bounded number at a time.</summary>
public sealed class Listener : IAsyncDisposable
{
    private const int Backlog = 512;

    /// <summary>Connections past the limit that may wait for their refusal at the same time; still further ones are closed without a word.</summary>
    private const int MaxRefusals = 64;

    private static readonly TimeSpan s_retryDelay = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new();
    private readonly HashSet<Connection> _connections = [];
    private readonly HashSet<Connection> _refusals = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly Socket _socket;
    private readonly LocalPeer _me;
    private readonly Func<Connection, IFrameHandler> _handlerFor;
    private readonly ConnectionOptions _options;
    private readonly int _maxConnections;
    private readonly Task _loop;
    private bool _isStopped;

    private Listener(Socket socket, LocalPeer me, Func<Connection, IFrameHandler> handlerFor, ConnectionOptions options, int maxConnections)
    {
        _socket = socket;
        _me = me;
        _handlerFor = handlerFor;
        _options = options;
        _maxConnections = maxConnections;
        LocalEndPoint = (IPEndPoint)socket.LocalEndPoint!;
        _loop = AcceptAllAsync();
    }

    /// <summary>Where it listens, with the port that was chosen if 0 was asked for.</summary>
    public IPEndPoint LocalEndPoint { get; }

    /// <summary>Of the node that listens.</summary>
    public uint NodeId => _me.NodeId;

    /// <summary>Open connections, refused ones not counted.</summary>
    public int ConnectionCount
    {
        get
        {
            lock (_lock) return _connections.Count;
        }
    }

    /// <summary>
    /// Listens at <paramref name="endPoint"/>. <paramref name="handlerFor"/> is called on each connection's read loop once its peer is known.
    /// Throws <see cref="IOException"/> with a message for the operator if the address cannot be had.
    /// </summary>
    public static Listener Start(IPEndPoint endPoint, LocalPeer me, Func<Connection, IFrameHandler> handlerFor, ConnectionOptions options, int maxConnections)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        ArgumentNullException.ThrowIfNull(me);
        ArgumentNullException.ThrowIfNull(handlerFor);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxConnections);
        options.Validate();
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endPoint.Address.Equals(IPAddress.IPv6Any)) socket.DualMode = true;
            socket.Bind(endPoint);
            socket.Listen(Backlog);
        }
        catch (SocketException exception)
        {
            socket.Dispose();
            var advice = exception.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse => $"another process uses the port; stop it (\"ss -ltnp sport = :{endPoint.Port}\" names it) or choose another port",
                SocketError.AccessDenied => "ports below 1024 need a privilege; choose a higher one",
                SocketError.AddressNotAvailable => "this machine does not have that address",
                _ => exception.Message,
            };
            throw new IOException($"Cannot listen at {endPoint}: {advice}.", exception);
        }

        me = me with { Limits = me.Limits with { MaxFrameBytes = options.MaxFrameBytes } };
        return new Listener(socket, me, handlerFor, options, maxConnections);
    }

    /// <summary>Of <see cref="ConnectionCount"/>, those that were dialled within this process (<see cref="InProcessRoute"/>).</summary>
    public int InProcessConnectionCount
    {
        get
        {
            lock (_lock) return _connections.Count(static c => c.IsInProcess);
        }
    }

    /// <summary>Stops accepting, closes every connection and waits until all is released.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        _socket.Dispose();
        await _loop.ConfigureAwait(false);
        Connection[] open;
        lock (_lock)
        {
            _isStopped = true;
            open = [.. _connections, .. _refusals];
        }

        foreach (var connection in open) connection.Close();
        foreach (var connection in open) await connection.Completion.ConfigureAwait(false);
    }

    /// <summary>Takes over this end of a new connection; false, and it is closed, if nobody listens any more, or too many wait for their refusal already.</summary>
    internal bool TryAccept(ConnectionTransport transport)
    {
        Connection? connection = null;
        lock (_lock)
        {
            var full = _connections.Count >= _maxConnections;
            if (!_isStopped && !(full && _refusals.Count >= MaxRefusals))
            {
                if (full && _refusals.Count == 0) _options.Logger.TooManyConnections(_connections.Count, LocalEndPoint);
                connection = new Connection(transport, _options, new ListenerSide(_me, _handlerFor, full), Forget);
                (full ? _refusals : _connections).Add(connection);
            }
        }

        if (connection is null)
        {
            transport.Dispose();
            return false;
        }

        connection.Start();
        return true;
    }

    private async Task AcceptAllAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                Take(await _socket.AcceptAsync(_stopping.Token).ConfigureAwait(false));
            }
            catch (SocketException exception) when (!_stopping.IsCancellationRequested)
            {
                // Out of file descriptors, mostly: closing connections will mend it, giving up would not.
                _options.Logger.AcceptFailed(LocalEndPoint, exception.SocketErrorCode.ToString(), s_retryDelay);
                await Task.Delay(s_retryDelay, _options.TimeProvider, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception exception) when (_stopping.IsCancellationRequested && exception is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                return;
            }
        }
    }

    private void Take(Socket socket)
    {
        SocketTransport transport;
        try
        {
            transport = new SocketTransport(socket, _options);
        }
        catch (SocketException)
        {
            // The peer was gone before its socket could be set up.
            socket.Dispose();
            return;
        }

        TryAccept(transport);
    }

    private void Forget(Connection connection)
    {
        lock (_lock)
        {
            if (!_connections.Remove(connection)) _refusals.Remove(connection);
        }
    }
}
