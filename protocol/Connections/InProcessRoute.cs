using System.Net;

namespace Delos.Protocol.Connections;

/// <summary>The short way to a listener of this process: dials of its address are handed to it without a socket (<see cref="ConnectionOptions.InProcess"/>); handshake, frames, limits and heartbeats are those of any connection.</summary>
/// <param name="Address">By which others know the listener: what a node advertises, as the node list has it. Compared literally; other names of it go over sockets.</param>
/// <param name="Listener">The listener.</param>
public sealed record InProcessRoute(EndPoint Address, Listener Listener)
{
    /// <summary>Of the node that listens.</summary>
    public uint NodeId => Listener.NodeId;

    /// <summary>The dialler's end; null if that address is not this listener's. <see cref="ConnectionLostException"/> if the listener has stopped, or has too many.</summary>
    internal ConnectionTransport? TryDial(EndPoint endPoint)
    {
        if (!Address.Equals(endPoint)) return null;
        var (dialer, acceptor) = InProcessTransport.CreatePair(endPoint);
        if (Listener.TryAccept(acceptor)) return dialer;
        throw new ConnectionLostException($"Cannot connect to {endPoint}: the listener of this process takes no more connections.");
    }
}
