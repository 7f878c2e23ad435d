using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Protocol.Connections;

/// <summary>The rules of Hello and HelloReply. Pure.</summary>
public static class Handshake
{
    public static Hello Greet(LocalPeer me)
    {
        ArgumentNullException.ThrowIfNull(me);
        return new Hello(me.MinVersion, me.MaxVersion, me.ClusterId, me.NodeId, me.Roles, me.Incarnation, me.DiskId, me.Limits);
    }

    /// <summary>The listener's side: the peer and the answer to it, or the refusal.</summary>
    public static bool TryAccept(LocalPeer me, in Hello hello, out PeerInfo peer, out HelloReply reply, out Error refusal)
    {
        ArgumentNullException.ThrowIfNull(me);
        peer = PeerInfo.Unknown;
        reply = default;
        refusal = default;
        var version = Math.Min(me.MaxVersion, hello.MaxVersion);
        if (version < me.MinVersion || version < hello.MinVersion)
        {
            refusal = new Error(StatusCode.UnsupportedVersion, $"This node speaks protocol versions {me.MinVersion} to {me.MaxVersion}, the dialer {hello.MinVersion} to {hello.MaxVersion}.");
            return false;
        }

        if (hello.ClusterId != Guid.Empty && me.ClusterId != Guid.Empty && hello.ClusterId != me.ClusterId)
        {
            refusal = new Error(StatusCode.WrongCluster, $"This node belongs to cluster {me.ClusterId}, the dialer to {hello.ClusterId}.");
            return false;
        }

        if (hello.Limits.MaxFrameBytes < PeerLimits.MinFrameBytes)
        {
            refusal = TooSmall("The dialer", hello.Limits);
            return false;
        }

        peer = new PeerInfo(hello.ClusterId, hello.NodeId, hello.Roles, hello.Incarnation, hello.DiskId, version, hello.Limits);
        reply = new HelloReply(version, me.ClusterId, me.NodeId, me.Roles, me.Incarnation, me.DiskId, me.Limits);
        return true;
    }

    /// <summary>The dialer's side: the peer, or why it is not the one that was meant.</summary>
    public static bool TryVerify(LocalPeer me, Guid expectedCluster, uint expectedNodeId, in HelloReply reply, out PeerInfo peer, out Error refusal)
    {
        ArgumentNullException.ThrowIfNull(me);
        peer = new PeerInfo(reply.ClusterId, reply.NodeId, reply.Roles, reply.Incarnation, reply.DiskId, reply.Version, reply.Limits);
        refusal = default;
        if (reply.Version < me.MinVersion || reply.Version > me.MaxVersion)
        {
            refusal = new Error(StatusCode.UnsupportedVersion, $"The peer chose protocol version {reply.Version}; {me.MinVersion} to {me.MaxVersion} were offered.");
        }
        else if (expectedCluster != Guid.Empty && reply.ClusterId != expectedCluster)
        {
            refusal = new Error(StatusCode.WrongCluster, $"The peer belongs to cluster {reply.ClusterId}; {expectedCluster} was expected.");
        }
        else if (expectedNodeId != 0 && reply.NodeId != expectedNodeId)
        {
            refusal = new Error(StatusCode.WrongNode, $"Node {reply.NodeId} answers there; node {expectedNodeId} was expected.");
        }
        else if (reply.Limits.MaxFrameBytes < PeerLimits.MinFrameBytes)
        {
            refusal = TooSmall("The peer", reply.Limits);
        }

        return refusal.Code == StatusCode.Ok;
    }

    /// <summary>An answer that is too large for its frame would fail at whoever answers, in the middle of other work.</summary>
    private static Error TooSmall(string who, PeerLimits limits) =>
        new(StatusCode.Malformed, $"{who} takes frames of at most {limits.MaxFrameBytes} bytes; {PeerLimits.MinFrameBytes} are the least that this protocol needs.");
}
