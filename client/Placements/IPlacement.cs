using Delos.Protocol.Chains;

namespace Delos.Client.Placements;

/// <summary>Chooses where a new Loglet lives. Thread-safe.</summary>
public interface IPlacement
{
    /// <summary>
    /// A complete config with a fresh Loglet id: replicas with the disk ids that the nodes themselves reported, and the sequencer's present incarnation (trap 13). Nothing is created anywhere.
    /// </summary>
    /// <exception cref="DelosException">Unavailable: too few live nodes, the message says which roles are missing. NotFound: a node demanded in the hint is not in the node list.</exception>
    ValueTask<LogletConfig> PlaceAsync(LogPolicy policy, PlacementHint hint, CancellationToken cancellationToken = default);
}
