using System.Diagnostics.Metrics;

namespace Delos.Daemon;

/// <summary>What the LogServer role counts, under the meter "Delos.Daemon".</summary>
internal static partial class Metrics
{
    private static readonly Meter s_logServerMeter = new("Delos.Daemon");

    public static readonly Counter<long> StoresReceived = s_logServerMeter.CreateCounter<long>("delos.logserver.stores", description: "Store frames received.");
    public static readonly Counter<long> EntriesStored = s_logServerMeter.CreateCounter<long>("delos.logserver.entries", description: "Entries received in stores, duplicates included.");
    public static readonly Counter<long> BytesRead = s_logServerMeter.CreateCounter<long>("delos.logserver.bytes_read", "By", "Payload bytes sent to readers.");
    public static readonly Counter<long> BytesPushed = s_logServerMeter.CreateCounter<long>("delos.logserver.bytes_pushed", "By", "Payload bytes pushed to subscribers.");
}
