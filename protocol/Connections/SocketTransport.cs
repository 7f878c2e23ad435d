using System.Net;
using System.Net.Sockets;
using Delos.Protocol.Blocks;

namespace Delos.Protocol.Connections;

/// <summary>A TCP connection. Each call sends many pieces at once (<see cref="GatheredSend"/>); when the socket is full, an ordinary asynchronous send waits for room.</summary>
internal sealed class SocketTransport : ConnectionTransport
{
    /// <summary>More than 8 elements make the framework allocate the vector for the system call.</summary>
    private const int MaxGathered = 8;

    private readonly Socket _socket;
    private readonly BlockPool _pool;
    private readonly SocketAsyncEventArgs _args = new(true);
    private readonly List<ArraySegment<byte>> _gathered = new(MaxGathered);

    /// <summary>Takes over the socket. Throws <see cref="SocketException"/>, and does not take it over, if the peer is gone already.</summary>
    public SocketTransport(Socket socket, ConnectionOptions options)
    {
        _socket = socket;
        _pool = options.Pool;
        socket.NoDelay = true;
        if (options.SendBufferBytes > 0) socket.SendBufferSize = options.SendBufferBytes;
        if (options.ReceiveBufferBytes > 0) socket.ReceiveBufferSize = options.ReceiveBufferBytes;
        RemoteEndPoint = socket.RemoteEndPoint;
        LocalEndPoint = socket.LocalEndPoint;
        _args.Completed += (_, _) =>
        {
            Book();
            SendCompleted();
        };
    }

    public override EndPoint? RemoteEndPoint { get; }

    public override EndPoint? LocalEndPoint { get; }

    public override bool HasUnread
    {
        get
        {
            try
            {
                return _socket.Available > 0;
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                return false;
            }
        }
    }

    public override bool Send(SendBatch batch)
    {
        if (GatheredSend.IsSupported && GatheredSend.TrySend(_socket.SafeHandle, batch) is > 0 and var sent)
        {
            SendError = SocketError.Success;
            BytesSent = sent;
            return false;
        }

        // The socket is full, or failed: wait, or learn why.
        batch.CopyTo(_gathered, MaxGathered);
        _args.BufferList = _gathered;
        if (_socket.SendAsync(_args)) return true;
        Book();
        return false;
    }

    public override ValueTask<int> ReceiveAsync(Memory<byte> room) => _socket.ReceiveAsync(room, SocketFlags.None);

    public override void Shutdown(SocketShutdown how)
    {
        try
        {
            _socket.Shutdown(how);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The peer ended it first; the loop ends by the same fact.
        }
    }

    /// <summary>Closing a socket with unread bytes would destroy what the peer has not read yet.</summary>
    public override async ValueTask LingerAsync(CancellationToken cancellationToken)
    {
        using var block = _pool.Rent();
        Shutdown(SocketShutdown.Send);
        while (await _socket.ReceiveAsync(block.Memory, SocketFlags.None, cancellationToken).ConfigureAwait(false) > 0)
        {
            // What the peer still sends is of no interest.
        }
    }

    public override void Close() => _socket.Dispose();

    public override void Dispose()
    {
        _socket.Dispose();
        _args.Dispose();
    }

    private void Book()
    {
        SendError = _args.SocketError;
        BytesSent = _args.BytesTransferred;
    }
}
