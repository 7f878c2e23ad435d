using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Protocol.Connections;

/// <summary>Who is at the other end, as it said in its Hello.</summary>
/// <param name="ClusterId">Empty for a client that did not know it.</param>
/// <param name="NodeId">0 for a client.</param>
/// <param name="Incarnation">Of that process; a restarted node has another.</param>
/// <param name="ProtocolVersion">Chosen for this connection.</param>
/// <param name="Limits">What the peer accepts.</param>
public sealed record PeerInfo(Guid ClusterId, uint NodeId, NodeRoles Roles, ulong Incarnation, Guid DiskId, byte ProtocolVersion, PeerLimits Limits)
{
    internal static PeerInfo Unknown { get; } = new(Guid.Empty, 0, NodeRoles.None, 0, Guid.Empty, FrameHeader.MinVersion, PeerLimits.Default);

    public override string ToString() => NodeId == 0 ? "a client" : $"node {NodeId}";
}

/// <summary>Who we are, as we say in our Hello.</summary>
public sealed record LocalPeer(Guid ClusterId, uint NodeId, NodeRoles Roles, ulong Incarnation, Guid DiskId, PeerLimits Limits)
{
    /// <summary>The oldest protocol version offered.</summary>
    public byte MinVersion { get; init; } = FrameHeader.MinVersion;

    /// <summary>The newest protocol version offered.</summary>
    public byte MaxVersion { get; init; } = FrameHeader.MaxVersion;

    /// <summary>A client: no node, and no cluster unless it knows it.</summary>
    public static LocalPeer Client(Guid clusterId = default) => new(clusterId, 0, NodeRoles.None, 0, Guid.Empty, PeerLimits.Default);
}
