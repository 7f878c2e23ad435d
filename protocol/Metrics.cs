using System.Diagnostics.Metrics;

namespace Delos.Protocol;

/// <summary>What the transport counts, under the meter "Delos.Protocol".</summary>
internal static class Metrics
{
    private static readonly Meter s_meter = new("Delos.Protocol");

    public static readonly UpDownCounter<long> Connections = s_meter.CreateUpDownCounter<long>("delos.connections", description: "Connections whose handshake succeeded and that are open, by transport: socket or in-process.");
    public static readonly Counter<long> BytesSent = s_meter.CreateCounter<long>("delos.bytes_sent", "By");
    public static readonly Counter<long> BytesReceived = s_meter.CreateCounter<long>("delos.bytes_received", "By");
    public static readonly Counter<long> BytesInProcess = s_meter.CreateCounter<long>("delos.bytes_in_process", "By", "Sent on connections within the process; these count neither as bytes_sent nor as bytes_received.");
    public static readonly Counter<long> ProtocolErrors = s_meter.CreateCounter<long>("delos.protocol_errors", description: "Connections closed because of what the peer sent.");
    public static readonly Counter<long> HeartbeatsMissed = s_meter.CreateCounter<long>("delos.heartbeats_missed", description: "Connections closed because the peer was silent.");

    public static KeyValuePair<string, object?> Transport(bool isInProcess) => new("transport", isInProcess ? "in-process" : "socket");
}
