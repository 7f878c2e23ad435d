using System.Security.Cryptography;
using Delos.Client.Admin;
using Delos.Client.MetaStore;
using Delos.Protocol.Chains;
using Delos.Protocol.Cluster;
using Delos.Protocol.Identity;

namespace Delos.Client.Placements;

/// <summary>Places Loglets on the nodes of the node list, asking each whether it lives and which incarnation it is. Thread-safe.</summary>
public sealed class Placement : IPlacement
{
    private readonly NodeDirectory _directory;
    private readonly NodeProber _prober;

    public Placement(NodeDirectory directory, PlacementOptions options, TimeProvider timeProvider)
    {
        _directory = directory;
        _prober = new NodeProber(directory, options, timeProvider);
    }

    public async ValueTask<LogletConfig> PlaceAsync(LogPolicy policy, PlacementHint hint, CancellationToken cancellationToken = default)
    {
        if (policy.Problem is { } problem) throw new DelosException(DelosErrorCode.InvalidRequest, $"No Loglet can be placed: {problem}.");
        if (policy.Kind is not (LogletKind.Native or LogletKind.Striped)) throw new DelosException(DelosErrorCode.InvalidRequest, $"There is no placement for Loglets of kind {policy.Kind}.");
        if (_directory.Current.Version == 0) await RefreshAsync(cancellationToken).ConfigureAwait(false);
        var list = _directory.Current;
        try
        {
            return await TryPlaceAsync(policy, hint, list, cancellationToken).ConfigureAwait(false);
        }
        catch (DelosException e) when (e.Code is DelosErrorCode.Unavailable or DelosErrorCode.NotFound)
        {
            // The list may be old: nodes may have come since.
            await RefreshAsync(cancellationToken).ConfigureAwait(false);
            if (_directory.Current.Version == list.Version) throw;
            return await TryPlaceAsync(policy, hint, _directory.Current, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Asks every node once and keeps nothing but the connections: whoever may have to place in a hurry calls this now and then.</summary>
    public async ValueTask WarmUpAsync(CancellationToken cancellationToken = default) =>
        await _prober.ProbeAsync(_directory.Current.Nodes, isPlanned: false, static _ => false, cancellationToken).ConfigureAwait(false);

    private async ValueTask<LogletConfig> TryPlaceAsync(LogPolicy policy, PlacementHint hint, NodeList list, CancellationToken cancellationToken)
    {
        var nodes = list.Nodes.Where(n => (n.Roles & (NodeRoles.LogServer | NodeRoles.Sequencer)) != 0).ToArray();
        var unconnected = nodes.Where(n => !_directory.IsConnected(n.NodeId)).Select(n => n.NodeId).ToHashSet();

        // That most are not connected tells nothing of the nodes, only that nobody has asked before.
        if (unconnected.Count > nodes.Length / 2) unconnected.Clear();
        var probes = await _prober.ProbeAsync(nodes, hint.IsPlanned, answered => PlacementChoice.IsEnough(policy, hint, nodes, unconnected, answered), cancellationToken).ConfigureAwait(false);

        // Equals are drawn by lot: load spreads, and proposers that race do not all pick the same node.
        var lots = probes.ToDictionary(p => p.Node.NodeId, _ => RandomNumberGenerator.GetInt32(int.MaxValue));
        return PlacementChoice.Choose(policy, hint, probes, LogletId.NewRandom, p => lots[p.Node.NodeId]);
    }

    private async ValueTask RefreshAsync(CancellationToken cancellationToken) => await MetaStoreErrors.MapAsync(_directory.RefreshAsync(cancellationToken)).ConfigureAwait(false);
}
