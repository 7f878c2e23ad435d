using Delos.Protocol.Identity;

namespace Delos.Protocol.Cluster;

/// <summary>One node of the cluster as the node list has it.</summary>
/// <param name="NodeId">1 and up.</param>
/// <param name="DiskId">The disk that it must have; another one is refused until an operator replaces the node (DESIGN §3, LogServer rule 6).</param>
/// <param name="Host">Where peers and clients reach it.</param>
/// <param name="Port">TCP port.</param>
/// <param name="Roles">What it does.</param>
public sealed record NodeInfo(uint NodeId, Guid DiskId, string Host, int Port, NodeRoles Roles)
{
    public override string ToString() => $"node {NodeId} ({Host}:{Port})";
}
