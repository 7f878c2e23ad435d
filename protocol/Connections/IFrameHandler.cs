using Delos.Protocol.Framing;

namespace Delos.Protocol.Connections;

/// <summary>
/// Receives what a connection brings. All calls for one connection come from its read loop, one at a time, none after <see cref="OnClosed"/>;
/// different connections call at the same time. Nothing here may block: it would stop that connection's reading and its heartbeats.
/// An exception thrown from here closes the connection.
/// </summary>
public interface IFrameHandler
{
    /// <summary>One frame, valid during the call. May enqueue on and flush any connection.</summary>
    void OnFrame(Connection connection, in Frame frame);

    /// <summary>All frames that one receive brought have been handled: flush here what they caused. The connection itself is flushed afterwards in any case.</summary>
    void OnBatchEnd(Connection connection);

    /// <summary>
    /// Exactly once, last, for every connection whose handshake succeeded. <paramref name="reason"/> is null after a local <see cref="Connection.Close"/> without reason,
    /// else mostly a <see cref="ConnectionLostException"/> or a <see cref="DelosProtocolException"/>.
    /// </summary>
    void OnClosed(Connection connection, Exception? reason);
}
