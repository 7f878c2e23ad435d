using System.Net.Sockets;
using Delos.Client.MetaStore;
using Delos.Protocol.Cluster;
using Delos.Protocol.Connections;
using Delos.Protocol.Messages;

namespace Delos.Client.Admin;

/// <summary>The operators' view of the nodes.</summary>
internal sealed class NodeAdmin(ClientParts parts)
{
    private static readonly TimeSpan s_answerTimeout = TimeSpan.FromSeconds(2);

    private NodeDirectory Nodes => parts.Nodes ?? throw new DelosException(DelosErrorCode.InvalidRequest, "This client has no nodes.");

    public async ValueTask<IReadOnlyList<NodeReport>> ListAsync(CancellationToken cancellationToken)
    {
        await Nodes.RefreshAsync(cancellationToken).ConfigureAwait(false);
        return await Task.WhenAll(Nodes.Current.Nodes.Select(n => ReportAsync(n, cancellationToken))).ConfigureAwait(false);
    }

    public async ValueTask<ReadOnlyMemory<byte>> StatusAsync(uint nodeId, CancellationToken cancellationToken)
    {
        var node = await FindAsync(nodeId, cancellationToken).ConfigureAwait(false);
        var report = await ReportAsync(node, cancellationToken).ConfigureAwait(false);
        return report.StatusJson ?? throw new DelosException(DelosErrorCode.Unavailable, $"Node {nodeId} did not answer: {report.Error}", node: nodeId, endpoint: $"{node.Host}:{node.Port}");
    }

    public async ValueTask ReplaceAsync(uint nodeId, Guid newDiskId, Guid? expectedDiskId, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfEqual(newDiskId, Guid.Empty);
        var store = new NodeListStore(parts.MetaStore);
        while (true)
        {
            var list = await store.ReadAsync(cancellationToken).ConfigureAwait(false);
            var node = list.Find(nodeId) ?? throw Unknown(nodeId);
            if (node.DiskId != newDiskId)
            {
                if (expectedDiskId is { } expected && node.DiskId != expected)
                    throw new DelosException(DelosErrorCode.Conflict, $"Node {nodeId} has disk {node.DiskId} in the node list, not {expected}.", node: nodeId);
                if (!(await store.WriteAsync(list.With(node with { DiskId = newDiskId }), cancellationToken).ConfigureAwait(false)).Won) continue;
            }

            // Idempotent: a replacement that failed half-way is finished by the next.
            if (parts.MetaStore is MetaStoreClient metaStore)
                await metaStore.ReplaceAcceptorAsync(nodeId, new NodeEndpoint(nodeId, newDiskId, node.Host, node.Port), cancellationToken).ConfigureAwait(false);
            await Nodes.RefreshAsync(cancellationToken).ConfigureAwait(false);
            return;
        }
    }

    private static DelosException Unknown(uint nodeId) => new(DelosErrorCode.NotFound, $"Node {nodeId} is not in the node list.", node: nodeId);

    private async ValueTask<NodeInfo> FindAsync(uint nodeId, CancellationToken cancellationToken)
    {
        await Nodes.RefreshAsync(cancellationToken).ConfigureAwait(false);
        return Nodes.Current.Find(nodeId) ?? throw Unknown(nodeId);
    }

    private async Task<NodeReport> ReportAsync(NodeInfo node, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(s_answerTimeout, parts.Options.TimeProvider);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            var connection = await Nodes.ConnectAsync(node.NodeId, both.Token).ConfigureAwait(false);
            using var response = await connection.RequestAsync(new NodeStatus(Brief: false), both.Token).ConfigureAwait(false);
            return response.TryRead<NodeStatusReply>(out var reply)
                ? Report(node, reply.Json, null)
                : Report(node, null, $"it answered with {response.Type}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return Report(node, null, $"no answer within {s_answerTimeout.TotalSeconds:0} s");
        }
        catch (Exception e) when (e is ConnectionLostException or DelosProtocolException or SocketException)
        {
            return Report(node, null, e.Message);
        }
    }

    private static NodeReport Report(NodeInfo node, ReadOnlyMemory<byte>? json, string? error) => new(node.NodeId, node.DiskId, node.Host, node.Port, node.Roles, json, error);
}
