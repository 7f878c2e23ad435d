using System.Diagnostics.Metrics;

namespace Delos.Daemon;

/// <summary>What refilling counts, under the meter "Delos.Daemon".</summary>
internal static partial class Metrics
{
    private static readonly Meter s_monitorMeter = new("Delos.Daemon");

    public static readonly Counter<long> RefilledEntries = s_monitorMeter.CreateCounter<long>("delos.refill.entries", description: "Entries fetched from peers.");
    public static readonly Counter<long> RefilledBytes = s_monitorMeter.CreateCounter<long>("delos.refill.bytes", "By", "Payload bytes fetched from peers.");
}
