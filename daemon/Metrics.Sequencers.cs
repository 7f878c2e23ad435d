using System.Diagnostics.Metrics;

namespace Delos.Daemon;

/// <summary>What the sequencer role counts, under the meter "Delos.Daemon".</summary>
internal static partial class Metrics
{
    private static readonly Meter s_sequencerMeter = new("Delos.Daemon");

    public static readonly Counter<long> AppendsReceived = s_sequencerMeter.CreateCounter<long>("delos.sequencer.appends", description: "Entries received from clients, resends included.");
    public static readonly Counter<long> AppendsRefused = s_sequencerMeter.CreateCounter<long>("delos.sequencer.refused", description: "Entries refused before they came to a Loglet's sequencer.");
    public static readonly Counter<long> LogletsEnded = s_sequencerMeter.CreateCounter<long>("delos.sequencer.ended", description: "Loglets whose sequencing ended here.");
}
