using System.Text;
using Delos.Protocol.Cluster;
using Delos.Protocol.Entries;
using Delos.Protocol.Identity;

namespace Delos.Daemon.Monitoring;

/// <summary>Who acts first when several monitors see the same failure: one reconfiguration is wanted, and the conditional write alone would allow several to do the work (trap 14).</summary>
internal static class MonitorRank
{
    /// <summary>
    /// How many MetaStore nodes come before this one, for that log. Each log has an order of its own, so that the failure of many logs at once is work for all monitors and not for one.
    /// </summary>
    /// <param name="nodes">All nodes.</param>
    /// <param name="me">This one.</param>
    /// <param name="log">Name of the log.</param>
    /// <param name="isGone">A node that will not act: the one that failed, or one that this node has no connection to.</param>
    public static int Of(NodeList nodes, uint me, string log, Func<uint, bool> isGone)
    {
        uint[] monitors = [.. nodes.Nodes.Where(n => (n.Roles & NodeRoles.MetaStore) != 0 && !isGone(n.NodeId)).Select(n => n.NodeId).Append(me).Distinct().Order()];
        var first = (int)(Crc32C.Compute(Encoding.UTF8.GetBytes(log)) % (uint)monitors.Length);
        return (Array.IndexOf(monitors, me) - first + monitors.Length) % monitors.Length;
    }

    /// <summary>Rank 0 waits for nothing; the others their turn and a random part of one turn.</summary>
    /// <param name="rank">See <see cref="Of"/>.</param>
    /// <param name="turn">Of one log, when nothing else is to be done.</param>
    /// <param name="waiting">Logs that wait for this monitor, this one among them: the others' queues are as long, and longer than one turn.</param>
    /// <param name="random">In [0, 1).</param>
    public static TimeSpan Delay(int rank, TimeSpan turn, int waiting, double random) => rank == 0 ? TimeSpan.Zero : turn * (rank + random / 2) * (1 + waiting / 8.0);
}
