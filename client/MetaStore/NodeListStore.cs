using Delos.Protocol.Cluster;

namespace Delos.Client.MetaStore;

/// <summary>The node list in its register.</summary>
public sealed class NodeListStore(IMetaStore metaStore)
{
    /// <summary>The newest list, linearizable; version 0 and empty before the first node registered.</summary>
    /// <exception cref="InvalidDataException">The register holds no list that this version understands.</exception>
    public async ValueTask<NodeList> ReadAsync(CancellationToken cancellationToken = default) =>
        Decode(await metaStore.ReadAsync(NodeList.Register, cancellationToken).ConfigureAwait(false));

    /// <summary>Installs <paramref name="next"/> (see <see cref="NodeList.With"/>) if version <c>next.Version - 1</c> is still the newest; else answers with the list that is.</summary>
    public async ValueTask<(bool Won, NodeList Winner)> WriteAsync(NodeList next, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(next.Version);
        var result = await metaStore.WriteAsync(NodeList.Register, next.Version - 1, NodeListCodec.Encode(next), cancellationToken).ConfigureAwait(false);
        return result.Won ? (true, next) : (false, Decode(result.Winner));
    }

    private static NodeList Decode(VersionedValue value)
    {
        if (value.Version == 0) return NodeList.Empty;
        return NodeListCodec.Decode(value.Version, value.Payload.Span)
            ?? throw new InvalidDataException($"Version {value.Version} of the node list is not one that this version of Delos understands.");
    }
}
