using Delos.Client.MetaStore;
using Delos.Protocol.Cluster;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Node;

/// <summary>Puts the node into the cluster's node list, or finds that it may not be there with this disk.</summary>
internal sealed class Registration(NodeListStore nodes, TimeProvider timeProvider, ILogger logger)
{
    private static readonly TimeSpan s_firstRetry = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan s_lastRetry = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Reads the list and adds or updates this node, until a majority of the MetaStore has answered: nodes of a cluster start together. An entry with another disk
    /// is never overwritten: only an operator's <c>node replace</c> does that (DESIGN §3, LogServer rule 6, trap 8).
    /// </summary>
    /// <exception cref="NodeStartException">The list has another disk under this node id, or this disk under another node id.</exception>
    public async Task<NodeList> RegisterAsync(NodeInfo me, CancellationToken cancellationToken)
    {
        var delay = s_firstRetry;
        while (true)
        {
            try
            {
                var list = await nodes.ReadAsync(cancellationToken).ConfigureAwait(false);
                while (true)
                {
                    Check(list, me);
                    if (list.Find(me.NodeId) == me) return list;
                    var (won, winner) = await nodes.WriteAsync(list.With(me), cancellationToken).ConfigureAwait(false);
                    if (won)
                    {
                        logger.NodeRegistered(me, winner.Version);
                        return winner;
                    }

                    // Others register at the same time: go on from what they wrote.
                    list = winner;
                }
            }
            catch (MetaStoreUnavailableException e)
            {
                logger.MetaStoreNotReached(e.Message, delay);
            }

            await Task.Delay(delay, timeProvider, cancellationToken).ConfigureAwait(false);
            if ((delay *= 2) > s_lastRetry) delay = s_lastRetry;
        }
    }

    internal static void Check(NodeList list, NodeInfo me)
    {
        if (list.Find(me.NodeId) is { } known && known.DiskId != me.DiskId)
        {
            throw new NodeStartException(
                $"the cluster knows node {me.NodeId} with disk {known.DiskId}, but this data directory is disk {me.DiskId}. If the old disk is lost for good, run 'delosd node replace {me.NodeId} --disk {me.DiskId}'; if not, mount it.");
        }

        if (list.Nodes.FirstOrDefault(n => n.DiskId == me.DiskId && n.NodeId != me.NodeId) is { } other)
        {
            throw new NodeStartException($"disk {me.DiskId} is in the node list as {other}: this data directory is a copy of that node's. Initialise an empty directory for node {me.NodeId}.");
        }
    }
}
