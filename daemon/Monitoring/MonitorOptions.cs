namespace Delos.Daemon.Monitoring;

/// <summary>Times of the segment monitor. Immutable.</summary>
internal sealed record MonitorOptions
{
    /// <summary>How often the list of logs and the chains are read again; what this node did itself it knows at once.</summary>
    public TimeSpan ChainInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How often the replicas of an active segment are asked for their state.</summary>
    public TimeSpan StatusInterval { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>How long a replica has for an answer.</summary>
    public TimeSpan StatusTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long a sequencer that this node had no connection to may take for the first one. As long as silence would be: a node that was cut off itself must not take the others for lost when it is back.
    /// </summary>
    public TimeSpan FirstDialTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>After a sequencer's connection broke: how long a new one may take before the sequencer counts as lost. A refused one counts at once.</summary>
    public TimeSpan RedialTimeout { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>A chain that took so long to read, when a sequencer counts as lost, tells that this node was perhaps cut off itself: the sequencer is dialled again before its Loglet is sealed.</summary>
    public TimeSpan CutOffAfter { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>First pause before those of a sealed one are asked again, and its chain is read, while its successor is not known; it doubles up to <see cref="StatusInterval"/>.</summary>
    public TimeSpan SealedInterval { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>How long whoever sealed the active segment has to install its successor.</summary>
    public TimeSpan SealedGrace { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>How long a LogServer must be away before a live spare takes its place.</summary>
    public TimeSpan LostGrace { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How much later each further MetaStore node acts: normally the first one is done by then.</summary>
    public TimeSpan RankDelay { get; init; } = TimeSpan.FromMilliseconds(150);

    /// <summary>How often a monitor that waits for its turn looks whether those before it are still there; less often while the turn is far off.</summary>
    public TimeSpan RankInterval { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>Reconfigurations that this node does at a time; further logs wait.</summary>
    public int ConcurrentReconfigurations { get; init; } = 4;

    /// <summary>A reconfiguration that takes longer does not count among them any more.</summary>
    public TimeSpan ReconfigurationPatience { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Waits after a failed reconfiguration: doubling from the first to the last.</summary>
    public TimeSpan FirstRetry { get; init; } = TimeSpan.FromMilliseconds(20);

    public TimeSpan LastRetry { get; init; } = TimeSpan.FromSeconds(1);
}
