namespace Delos.Protocol.Chains;

/// <summary>One place that stores a Loglet: a node and the disk that it had. Another disk under the same node id is another replica.</summary>
public readonly record struct ReplicaId(uint NodeId, Guid DiskId)
{
    public const int Size = 4 + 16;
}
