using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Protocol.Connections;

/// <summary>Which side of the handshake a connection is on: what it does with the first frame.</summary>
internal abstract class HandshakeSide
{
    /// <summary>The first frame came. Establishes the connection, or returns the refusal to send.</summary>
    public abstract Error? OnFirstFrame(Connection connection, in Frame frame);

    /// <summary>The connection ended without a handshake.</summary>
    public abstract void OnFailed(Exception reason);
}

/// <summary>Waits for Hello.</summary>
internal sealed class ListenerSide(LocalPeer me, Func<Connection, IFrameHandler> handlerFor, bool full) : HandshakeSide
{
    public override Error? OnFirstFrame(Connection connection, in Frame frame)
    {
        if (!frame.TryRead<Hello>(out var hello)) return new Error(StatusCode.Malformed, $"The first frame must be a Hello, not {frame.Type}.");
        if (full) return new Error(StatusCode.LimitExceeded, "This node has as many connections as it is allowed to have.");
        if (!Handshake.TryAccept(me, hello, out var peer, out var reply, out var refusal)) return refusal;
        connection.Reply(reply, frame.CorrelationId);
        connection.Establish(peer, handlerFor);
        return null;
    }

    public override void OnFailed(Exception reason)
    {
    }
}

/// <summary>Sent Hello, waits for the answer.</summary>
internal sealed class DialerSide(LocalPeer me, Guid expectedCluster, uint expectedNodeId, IFrameHandler handler) : HandshakeSide
{
    private readonly TaskCompletionSource _established = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Established => _established.Task;

    public override Error? OnFirstFrame(Connection connection, in Frame frame)
    {
        if (!frame.TryRead<HelloReply>(out var reply)) return new Error(StatusCode.Malformed, $"The first frame must be a HelloReply, not {frame.Type}.");
        if (!Handshake.TryVerify(me, expectedCluster, expectedNodeId, reply, out var peer, out var refusal)) return refusal;
        connection.Establish(peer, _ => handler);
        _established.TrySetResult();
        return null;
    }

    public override void OnFailed(Exception reason) => _established.TrySetException(reason);
}
