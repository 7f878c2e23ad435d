using Delos.Client.Loglets;
using Delos.Daemon.Monitoring;
using Delos.Daemon.Sequencers;

namespace Delos.Tests.Simulation;

/// <summary>The times of the simulated shells; safety depends on none of them.</summary>
internal static class SimTimes
{
    public const long RollForwardAfter = 60_000;

    public const long AppendPatience = 250_000;

    /// <summary>A client appends no further ahead of its lowest unresolved append.</summary>
    public const int ClientWindow = 100;

    /// <summary>How long a linearizable read waits until its replica has caught up.</summary>
    public const long ReadTimeout = 300_000;

    /// <summary>Positions after which a replica writes a new snapshot.</summary>
    public const long SnapshotEvery = 20;

    public const int SnapshotsKept = 2;

    public static TimeSpan ReportEvery { get; } = TimeSpan.FromMilliseconds(30);

    public static TimeSpan EvictAfter { get; } = TimeSpan.FromMilliseconds(250);

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

    /// <summary>Limits that are met at once, or never.</summary>
    public static SequencerOptions Draw(Random random) => Sequencer with
    {
        MaxBatchBytes = Pick(random, 100, 400, 4_000),
        MaxInFlightBytes = Pick(random, 1_500, 2_500, 1_000_000),
        MaxRetainedBytes = Pick(random, 0, 4_000, 1_000_000),
        MaxReplicaInFlightBytes = Pick(random, 600, 4_000, 1_000_000),
        MaxClients = Pick(random, 4, 8, 1_000),
        // Room for the windows of all clients at once, as any sensible limit has.
        MaxRememberedIds = Pick(random, 600, 1_500, 1_000_000),
        ResignAfter = TimeSpan.FromMilliseconds(Pick(random, 100, 300, 10_000)),
        RetainForLost = TimeSpan.FromMilliseconds(Pick(random, 1, 500, 500)),
    };

    private static int Pick(Random random, int one, int two, int three) => random.Next(3) switch { 0 => one, 1 => two, _ => three };

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
