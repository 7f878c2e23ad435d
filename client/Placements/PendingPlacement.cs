using Delos.Protocol.Chains;

namespace Delos.Client.Placements;

internal sealed class PendingPlacement : IPlacement
{
    public ValueTask<LogletConfig> PlaceAsync(LogPolicy policy, PlacementHint hint, CancellationToken cancellationToken = default) =>
        throw new DelosException(DelosErrorCode.Unavailable, "No placement yet.");
}
