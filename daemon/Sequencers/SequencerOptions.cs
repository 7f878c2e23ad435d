using Delos.Protocol.Messages;

namespace Delos.Daemon.Sequencers;

/// <summary>Bounds and delays of the sequencer; the same for every Loglet of a node.</summary>
public sealed record SequencerOptions
{
    /// <summary>Largest payload of one entry, in bytes.</summary>
    public int MaxEntryBytes { get; init; } = 1 << 20;

    /// <summary>A store carries at most this many bytes of entries, unless a single entry is larger.</summary>
    public int MaxBatchBytes { get; init; } = 1 << 20;

    /// <summary>Appended but not yet committed bytes of one Loglet; past it the appending connections are not read until half of it is left.</summary>
    public long MaxInFlightBytes { get; init; } = 64L << 20;

    /// <summary>Committed bytes that are kept for a replica that lacks them; past it the replica refills itself from its peers.</summary>
    public long MaxRetainedBytes { get; init; } = 32L << 20;

    /// <summary>Bytes sent to one replica and not acknowledged by it. Below the connections' own bound on queued bytes.</summary>
    public long MaxReplicaInFlightBytes { get; init; } = 16L << 20;

    /// <summary>Sequences above a client's floor that may be outstanding; an append further up is answered Unavailable. At least <see cref="Append.MaxWindow"/>, which clients rely on.</summary>
    public int MaxClientWindow { get; init; } = Append.MaxWindow;

    /// <summary>Clients whose floors one Loglet keeps. When it is reached the Loglet is ended, so that its successor begins with an empty table.</summary>
    public int MaxClients { get; init; } = 100_000;

    /// <summary>Remembered positions over all clients of one Loglet, 8 bytes each; when it is reached the Loglet is ended.</summary>
    public long MaxRememberedIds { get; init; } = 8L << 20;

    /// <summary>Requests for the tail, or for opening, that wait at one Loglet; more are answered Unavailable. The same bound holds for resends of pending appends.</summary>
    public int MaxWaiting { get; init; } = 65_536;

    /// <summary>A request for the tail, or for opening, that no majority confirmed for so long is answered Unavailable.</summary>
    public TimeSpan ConfirmTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How often a replica that reported a full disk, or another passing refusal, is tried again.</summary>
    public TimeSpan RefusedRetryDelay { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Refusals of what was in flight behind a refused store come in bursts; the same place is resent at most once in this time.</summary>
    public TimeSpan ResendInterval { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>A connected replica that made no progress for so long is sent its first unacknowledged batch again.</summary>
    public TimeSpan StuckAfter { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long committed entries are kept for a replica whose connection broke.</summary>
    public TimeSpan RetainForLost { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long no majority of the replicas may be connected, while an append waits, before the Loglet is ended: clients may reach LogServers that this node does not. Longer than
    /// reconnecting takes; a lost minority never counts, however long it is away.
    /// </summary>
    public TimeSpan ResignAfter { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long the tail waits for a store that carries it to the replicas before it is announced by itself, while some replica is behind (<see cref="TailNews.Later"/>): what a follower waits longer for the last entry before
    /// a pause. Zero: until a thread is free, which a store that is on its way overtakes. (Measured: 1 ms, which timers make two to three of, brought followers at half load their entries after 2.8 ms, zero after 0.2 to 0.3; appends were as fast with either.)
    /// </summary>
    public TimeSpan AnnounceAfter { get; init; } = TimeSpan.Zero;

    /// <summary>How often the global tail is repeated to replicas that lack something below it.</summary>
    public TimeSpan AnnounceInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How often an unfinished seal is sent again.</summary>
    public TimeSpan SealRetryInterval { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Granularity of all the delays above.</summary>
    public TimeSpan TickInterval { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>First and longest pause between attempts to reach a replica.</summary>
    public TimeSpan ReconnectMin { get; init; } = TimeSpan.FromMilliseconds(5);

    /// <inheritdoc cref="ReconnectMin"/>
    public TimeSpan ReconnectMax { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Loglets that one node sequences at a time.</summary>
    public int MaxLoglets { get; init; } = 10_000;

    /// <summary>Throws <see cref="ArgumentException"/> that names the wrong value; returns itself.</summary>
    public SequencerOptions Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxEntryBytes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxBatchBytes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxInFlightBytes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxReplicaInFlightBytes, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxRetainedBytes);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxClients, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(AnnounceAfter, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxClientWindow, Append.MaxWindow);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxRememberedIds, MaxClientWindow);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxWaiting, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxLoglets, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(TickInterval, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(ConfirmTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(ReconnectMin, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(ReconnectMax, ReconnectMin);
        ArgumentOutOfRangeException.ThrowIfLessThan(ResignAfter, 2 * ReconnectMax);
        return this;
    }
}
