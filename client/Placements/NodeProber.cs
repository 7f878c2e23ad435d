using System.Net.Sockets;
using Delos.Client.MetaStore;
using Delos.Protocol.Cluster;
using Delos.Protocol.Connections;
using Delos.Protocol.Messages;

namespace Delos.Client.Placements;

/// <summary>Asks nodes whether they live and which incarnation they are.</summary>
internal sealed class NodeProber(NodeDirectory directory, PlacementOptions options, TimeProvider timeProvider)
{
    /// <summary>
    /// Asks all at once. Ends when all have answered or failed, or at <see cref="PlacementOptions.ProbeTimeout"/> (planned: <see cref="PlacementOptions.PlannedProbeTimeout"/>), or a little (<see cref="PlacementOptions.ProbeGrace"/>) after
    /// <paramref name="isEnough"/> holds: a node that hangs must not hold up a reconfiguration which can do without it.
    /// </summary>
    public async ValueTask<NodeProbe[]> ProbeAsync(IReadOnlyList<NodeInfo> nodes, bool isPlanned, Func<IReadOnlyCollection<NodeProbe>, bool> isEnough, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(isPlanned ? options.PlannedProbeTimeout : options.ProbeTimeout, timeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        var pending = nodes.Select(n => ProbeAsync(n, either.Token)).ToList();
        var done = new Dictionary<uint, NodeProbe>();
        var hurrying = false;
        while (pending.Count > 0)
        {
            var task = await Task.WhenAny(pending).ConfigureAwait(false);
            pending.Remove(task);
            var probe = await task.ConfigureAwait(false);
            done[probe.Node.NodeId] = probe;
            if (hurrying || pending.Count == 0 || !isEnough(done.Values)) continue;
            hurrying = true;
            timeout.CancelAfter(options.ProbeGrace);
        }

        cancellationToken.ThrowIfCancellationRequested();
        return [.. nodes.Select(n => done[n.NodeId])];
    }

    private async Task<NodeProbe> ProbeAsync(NodeInfo node, CancellationToken cancellationToken)
    {
        try
        {
            var connection = await directory.ConnectAsync(node.NodeId, cancellationToken).ConfigureAwait(false);
            using var response = await connection.RequestAsync(new NodeStatus(Brief: true), cancellationToken).ConfigureAwait(false);
            if (!response.TryRead<NodeStatusReply>(out var reply) || !NodeStatusDocument.TryParse(reply.Json.Span, out var document)) return new NodeProbe(node, 0, false);
            var isTheOne = document.NodeId == node.NodeId && document.DiskId == node.DiskId;
            return new NodeProbe(node, document.Incarnation, isTheOne && document.Ready);
        }
        catch (Exception e) when (e is ConnectionLostException or DelosProtocolException or SocketException or OperationCanceledException or MetaStoreUnavailableException)
        {
            return new NodeProbe(node, 0, false);
        }
    }
}
