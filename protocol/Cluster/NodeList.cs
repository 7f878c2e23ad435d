namespace Delos.Protocol.Cluster;

/// <summary>The nodes of a cluster at one version of the register <see cref="Register"/>, sorted by node id. Immutable.</summary>
public sealed record NodeList(ulong Version, IReadOnlyList<NodeInfo> Nodes)
{
    /// <summary>The MetaStore register that holds it.</summary>
    public const string Register = "cluster/nodes";

    /// <summary>Bounds what a forged list can make a reader allocate.</summary>
    public const int MaxNodes = 1024;

    public static NodeList Empty { get; } = new(0, []);

    public NodeInfo? Find(uint nodeId)
    {
        foreach (var node in Nodes)
        {
            if (node.NodeId == nodeId) return node;
        }

        return null;
    }

    /// <summary>The next version, with <paramref name="node"/> added or in the place of the node with its id.</summary>
    public NodeList With(NodeInfo node) => new(Version + 1, [.. Nodes.Where(n => n.NodeId != node.NodeId).Append(node).OrderBy(n => n.NodeId)]);

    /// <summary>The next version, without that node.</summary>
    public NodeList Without(uint nodeId) => new(Version + 1, [.. Nodes.Where(n => n.NodeId != nodeId)]);

    public bool Equals(NodeList? other) => other is not null && Version == other.Version && Nodes.SequenceEqual(other.Nodes);

    public override int GetHashCode() => HashCode.Combine(Version, Nodes.Count);
}
