namespace Delos.Daemon.LogServers;

/// <summary>Limits of the LogServer role. Immutable; <see cref="Validate"/> names a value that makes no sense.</summary>
public sealed record LogServerOptions
{
    /// <summary>Payload bytes accepted and not yet durable, over all Loglets, past which connections that store are not read from until half of it is durable.</summary>
    public long MaxInFlightBytes { get; init; } = 64 << 20;

    /// <summary>The same for one Loglet; below the page memory of its log, or stores are turned away instead of slowed down.</summary>
    public long MaxInFlightBytesPerLog { get; init; } = 8 << 20;

    /// <summary>Payload bytes of one reply to a read, whatever the reader asked for.</summary>
    public int MaxReadBytes { get; init; } = 1 << 20;

    /// <summary>Payload bytes of one push to a subscriber.</summary>
    public int MaxPushBytes { get; init; } = 256 << 10;

    /// <summary>Bytes queued on a connection past which its subscribers wait.</summary>
    public long MaxQueuedPushBytes { get; init; } = 1 << 20;

    /// <summary>Reads and catching up that may block on the disk at the same time.</summary>
    public int ReadWorkers { get; init; } = 2;

    /// <summary>Reads waiting for a worker, past which readers are told "unavailable".</summary>
    public int MaxQueuedReads { get; init; } = 4096;

    public int MaxSubscriptionsPerConnection { get; init; } = 1024;

    /// <summary>So many subscribers of one Loglet, and more, are served in turns (<see cref="CrowdPushInterval"/>), by another thread; fewer at once, by the thread that brings the news.</summary>
    public int SubscribersInCrowd { get; init; } = 4;

    /// <summary>
    /// Between two pushes to subscribers of one Loglet, on average, if they are a crowd: what a push costs the role and the reader's machine hardly depends on how much it brings. The readers of a crowd wait so long for each other, 20 ms at
    /// most.
    /// </summary>
    public TimeSpan CrowdPushInterval { get; init; } = TimeSpan.FromMicroseconds(400);

    /// <summary>How often the role looks for laggards, stalled subscribers and logs to close.</summary>
    public TimeSpan TickInterval { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>A sealed log without appends for so long gives up its memory.</summary>
    public TimeSpan CloseSealedAfter { get; init; } = TimeSpan.FromSeconds(5);

    public LogServerOptions Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxInFlightBytes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxInFlightBytesPerLog, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxReadBytes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxPushBytes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxQueuedPushBytes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(ReadWorkers, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxQueuedReads, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxSubscriptionsPerConnection, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(SubscribersInCrowd, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(CrowdPushInterval, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(TickInterval, TimeSpan.Zero);
        return this;
    }
}
