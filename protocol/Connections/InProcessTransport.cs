using System.Net;
using System.Net.Sockets;

namespace Delos.Protocol.Connections;

/// <summary>One end of a connection within the process: two <see cref="InProcessStream"/>s in place of a socket. Neither end ever runs the other's handlers: a receive that waited goes on on the thread pool.</summary>
internal sealed class InProcessTransport : ConnectionTransport, IThreadPoolWorkItem
{
    private readonly InProcessStream _outbound;
    private InProcessStream? _inbound;

    private InProcessTransport(EndPoint local, EndPoint remote)
    {
        LocalEndPoint = local;
        RemoteEndPoint = remote;
        _outbound = new InProcessStream(this);
    }

    public override EndPoint? RemoteEndPoint { get; }

    public override EndPoint? LocalEndPoint { get; }

    public override bool IsInProcess => true;

    public override bool HasUnread => Inbound.HasUnread;

    private InProcessStream Inbound => _inbound ?? throw new InvalidOperationException("An end alone is no connection.");

    /// <summary>Two ends that are connected.</summary>
    /// <param name="address">Where the listener is known: what was dialled.</param>
    public static (InProcessTransport Dialer, InProcessTransport Acceptor) CreatePair(EndPoint address)
    {
        var (listener, dialler) = (new InProcessEndPoint(address), new InProcessEndPoint(null));
        var (near, far) = (new InProcessTransport(dialler, listener), new InProcessTransport(listener, dialler));
        near._inbound = far._outbound;
        far._inbound = near._outbound;
        return (near, far);
    }

    public override bool Send(SendBatch batch)
    {
        if (_outbound.Write(batch) is not { } taken) return true;
        (SendError, BytesSent) = (taken > 0 ? SocketError.Success : SocketError.ConnectionReset, taken);
        return false;
    }

    public override ValueTask<int> ReceiveAsync(Memory<byte> room) => Inbound.ReadAsync(room);

    public override void Shutdown(SocketShutdown how)
    {
        switch (how)
        {
            case SocketShutdown.Send:
                _outbound.End();
                break;
            case SocketShutdown.Receive:
                Inbound.Discard();
                break;
            default:
                _outbound.End();
                Inbound.Break();
                break;
        }
    }

    public override ValueTask LingerAsync(CancellationToken cancellationToken)
    {
        _outbound.End();
        Inbound.Discard();
        return new ValueTask(Inbound.Ended.WaitAsync(cancellationToken));
    }

    public override void Close() => Shutdown(SocketShutdown.Both);

    public override void Dispose() => Close();

    void IThreadPoolWorkItem.Execute() => SendCompleted();

    /// <summary>By the reader, on its thread: so much of the batch that waited was read.</summary>
    internal void OnRead(long bytes)
    {
        (SendError, BytesSent) = (SocketError.Success, bytes);
        SendCompleted();
    }

    /// <summary>By whoever ended the stream, while a batch waited: this end may then close itself, away from the other's caller.</summary>
    internal void OnEnded(SocketError error, long bytes)
    {
        (SendError, BytesSent) = (error, bytes);
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }
}
