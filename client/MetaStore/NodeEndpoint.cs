namespace Delos.Client.MetaStore;

/// <summary>One acceptor of a register.</summary>
/// <param name="NodeId">0: not known yet; whoever answers at this address stands for it (only in the list that a cluster was bootstrapped with).</param>
/// <param name="DiskId">With a known node id, the disk whose promises count: another disk under the same node id is no acceptor.</param>
/// <param name="Host">Name or address.</param>
/// <param name="Port">TCP port.</param>
public sealed record NodeEndpoint(uint NodeId, Guid DiskId, string Host, int Port)
{
    public override string ToString() => NodeId == 0 ? $"{Host}:{Port}" : $"node {NodeId} ({Host}:{Port})";
}
