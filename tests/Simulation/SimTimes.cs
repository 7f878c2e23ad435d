using Delos.Client.Loglets;
using Delos.Daemon.Monitoring;
using Delos.Daemon.Sequencers;

namespace Delos.Tests.Simulation;

/// <summary>The times of the simulated shells; safety depends on none of them.</summary>
internal static class SimTimes
{
    public const long RollForwardAfter = 60_000;

    public const long AppendPatience = 250_000;

    public static SequencerOptions Sequencer { get; } = new()
    {
        MaxBatchBytes = 400,
        MaxInFlightBytes = 2_500,
        MaxRetainedBytes = 8_000,
        MaxReplicaInFlightBytes = 20_000,
        ResignAfter = TimeSpan.FromMilliseconds(300),
        RetainForLost = TimeSpan.FromMilliseconds(500),
        StuckAfter = TimeSpan.FromMilliseconds(300),
        ConfirmTimeout = TimeSpan.FromMilliseconds(300),
        SealRetryInterval = TimeSpan.FromMilliseconds(60),
    };

    public static LogletOptions Loglet { get; } = new() { CaseFiveBound = TimeSpan.FromMilliseconds(60) };

    public static LogletOptions EndlessCaseFive { get; } = Loglet with { CaseFiveBound = TimeSpan.FromDays(1) };

    /// <summary>Nothing happens of its own accord while a script is played.</summary>
    public static SequencerOptions PatientSequencer { get; } = Sequencer with { ResignAfter = TimeSpan.FromSeconds(60), ConfirmTimeout = TimeSpan.FromSeconds(60) };

    public static MonitorOptions Monitor { get; } = new()
    {
        ChainInterval = TimeSpan.FromMilliseconds(100),
        StatusInterval = TimeSpan.FromMilliseconds(20),
        StatusTimeout = TimeSpan.FromMilliseconds(60),
        FirstDialTimeout = TimeSpan.FromMilliseconds(100),
        RedialTimeout = TimeSpan.FromMilliseconds(60),
        SealedGrace = TimeSpan.FromMilliseconds(40),
        LostGrace = TimeSpan.FromMilliseconds(250),
        RankDelay = TimeSpan.FromMilliseconds(60),
        FirstRetry = TimeSpan.FromMilliseconds(10),
    };
}
