using System.Diagnostics.Metrics;

namespace Delos.Client;

/// <summary>What the client counts, under the meter "Delos.Client".</summary>
internal static class Metrics
{
    private static readonly Meter s_meter = new("Delos.Client");

    public static readonly Counter<long> Appends = s_meter.CreateCounter<long>("delos.client.appends", description: "Appends acknowledged.");
    public static readonly Counter<long> AppendsFailed = s_meter.CreateCounter<long>("delos.client.appends_failed", description: "Appends that ended with an error.");
    public static readonly Counter<long> AppendsResolved = s_meter.CreateCounter<long>("delos.client.appends_resolved", description: "Appends whose outcome was looked up in a sealed segment.");
    public static readonly Counter<long> EntriesRead = s_meter.CreateCounter<long>("delos.client.entries_read");
    public static readonly Counter<long> Reconfigurations = s_meter.CreateCounter<long>("delos.client.reconfigurations", description: "Segments installed by this process.");
    public static readonly Histogram<double> ReconfigurationPause = s_meter.CreateHistogram<double>("delos.client.reconfiguration_pause", "s", "From the seal to the end of the chain's write.");
}
