using System.Net;
using System.Net.Sockets;

namespace Delos.Protocol.Connections;

/// <summary>How the bytes of one end of a connection get to the other end and back: over a socket, or within the process. One sends at a time, one receives at a time, anybody shuts down.</summary>
internal abstract class ConnectionTransport : IDisposable
{
    public abstract EndPoint? RemoteEndPoint { get; }

    public abstract EndPoint? LocalEndPoint { get; }

    /// <summary>Both ends are in this process, and no socket is between them.</summary>
    public virtual bool IsInProcess => false;

    /// <summary>The peer sent something that was not received yet.</summary>
    public abstract bool HasUnread { get; }

    /// <summary>Called when a send that <see cref="Send"/> left under way is over, on any thread. It may send the next bytes, and must not block.</summary>
    public Action SendCompleted { get; set; } = static () => { };

    /// <summary>How the last send that is over ended.</summary>
    public SocketError SendError { get; protected set; }

    /// <summary>What the last send that is over took; not all of the batch necessarily.</summary>
    public long BytesSent { get; protected set; }

    /// <summary>
    /// Sends the first unsent bytes of the batch, as many as go at once. True: nothing could be sent yet; the batch must stay as it is until <see cref="SendCompleted"/>. False: over already.
    /// Throws <see cref="ObjectDisposedException"/> after <see cref="Close"/>, unless it reports that as an error.
    /// </summary>
    public abstract bool Send(SendBatch batch);

    /// <summary>Receives once; 0 is the end. Fails with <see cref="SocketException"/> or <see cref="ObjectDisposedException"/>.</summary>
    public abstract ValueTask<int> ReceiveAsync(Memory<byte> room);

    /// <summary>Ends sending, receiving or both: what is under way ends soon. Never throws.</summary>
    public abstract void Shutdown(SocketShutdown how);

    /// <summary>After the last byte was sent: ends the stream, and throws away what still comes until the peer ends it, too, so that the peer can read its rest undisturbed. <see cref="OperationCanceledException"/> if that takes too long.</summary>
    public abstract ValueTask LingerAsync(CancellationToken cancellationToken);

    /// <summary>Gives up both directions.</summary>
    public abstract void Close();

    /// <summary>After <see cref="Close"/>, and only when no send is under way.</summary>
    public abstract void Dispose();
}
