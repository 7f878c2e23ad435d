using System.Text;
using Delos.Protocol.Cluster;
using Delos.Protocol.Entries;
using Delos.Protocol.Identity;

namespace Delos.Daemon.Monitoring;

/// <summary>Who acts first when several monitors see the same failure: one reconfiguration is wanted, and the conditional write alone would allow several to do the work (trap 14).</summary>
internal static class MonitorRank
{
    /// <summary>
    /// How many MetaStore nodes come before this one, for that log. Each log has an order of its own, so that the failure of many logs at once is work for all monitors and not for one; a node that is gone is left out of
    /// the order and changes nothing in it for the others, who may not know yet.
    /// </summary>
    /// <param name="nodes">All nodes.</param>
    /// <param name="me">This one.</param>
    /// <param name="log">Name of the log.</param>
    /// <param name="isGone">A node that will not act: the one that failed, or one that this node has no connection to.</param>
    public static int Of(NodeList nodes, uint me, string log, Func<uint, bool> isGone)
    {
        var seed = (ulong)Crc32C.Compute(Encoding.UTF8.GetBytes(log)) << 32;
        var mine = Place(me);
        return nodes.Nodes.Count(n => n.NodeId != me && (n.Roles & NodeRoles.MetaStore) != 0 && Place(n.NodeId) < mine && !isGone(n.NodeId));

        ulong Place(uint node) => Mix(seed | node);
    }

    /// <summary>Rank 0 waits for nothing; the others their turn and a random part of one turn.</summary>
    /// <param name="rank">See <see cref="Of"/>.</param>
    /// <param name="turn">Of one log, when nothing else is to be done.</param>
    /// <param name="waiting">Logs that wait for this monitor, this one among them: the others' queues are as long, and longer than one turn.</param>
    /// <param name="random">In [0, 1).</param>
    public static TimeSpan Delay(int rank, TimeSpan turn, int waiting, double random) => rank == 0 ? TimeSpan.Zero : turn * (rank + random / 2) * (1 + waiting / 8.0);

    /// <summary>The finalizer of SplitMix64: numbers that differ in one bit get places that have nothing to do with each other, and no two the same.</summary>
    private static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }
}
