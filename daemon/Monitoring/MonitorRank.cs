using Delos.Protocol.Cluster;
using Delos.Protocol.Identity;

namespace Delos.Daemon.Monitoring;

/// <summary>Who acts first when several monitors see the same failure: one reconfiguration is wanted, and the conditional write alone would allow several to do the work (trap 14).</summary>
internal static class MonitorRank
{
    /// <summary>How many MetaStore nodes come before this one: those with a lower id, except the node that failed.</summary>
    public static int Of(NodeList nodes, uint me, uint failed) =>
        nodes.Nodes.Count(n => (n.Roles & NodeRoles.MetaStore) != 0 && n.NodeId < me && n.NodeId != failed);

    /// <summary>Rank 0 waits for nothing; the others their turn and a random part of one turn. <paramref name="random"/> in [0, 1).</summary>
    public static TimeSpan Delay(int rank, TimeSpan turn, double random) => rank == 0 ? TimeSpan.Zero : turn * (rank + random / 2);
}
