using Delos.Protocol.Chains;

namespace Delos.Tests.Simulation;

/// <summary>How the segments of a simulated cluster's logs are made: native, striped with rotating sequencers, or sharded where there are nodes enough.</summary>
internal static class SimPolicies
{
    public static LogPolicy Draw(Random random, int nodes, int replication) => random.Next(100) switch
    {
        < 45 => LogPolicy.Native(replication),
        < 70 when nodes >= 2 * replication => LogPolicy.Striped(replication, 2, sharded: true),
        _ => LogPolicy.Striped(replication, 2 + Math.Max(0, random.Next(4) - 1)),
    };
}
