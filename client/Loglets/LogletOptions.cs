namespace Delos.Client.Loglets;

/// <summary>Times and sizes of the client's end of a Loglet. Immutable; checked once by whoever makes Loglets with it.</summary>
public sealed record LogletOptions
{
    public static LogletOptions Default { get; } = new();

    /// <summary>Payload bytes of one Append frame, at most (one entry always fits). 1 MiB unless set.</summary>
    public int MaxBatchBytes { get; init; } = 1 << 20;

    /// <summary>Payload bytes that a replica may push to a subscription ahead of its consumer. 1 MiB unless set.</summary>
    public int SubscriptionCredit { get; init; } = 1 << 20;

    /// <summary>How long one request to one replica may take before it counts as unanswered.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long one replica may take to answer a read before another is asked, too. What a slow answer brings in the end still counts.</summary>
    public TimeSpan HedgeReadsAfter { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>How long the sequencer may take to answer a checkTail before the replicas are asked instead.</summary>
    public TimeSpan FastTailTimeout { get; init; } = TimeSpan.FromMilliseconds(1500);

    /// <summary>
    /// How long a lost connection to the sequencer is dialled again, unless refused, before it counts as lost. Not long: what is lost wrongly is merely sent to the same sequencer again a little later, and
    /// what waits here does not look for a successor.
    /// </summary>
    public TimeSpan ReconnectFor { get; init; } = TimeSpan.FromMilliseconds(150);

    /// <summary>How long the oldest append may be unanswered before the client looks for itself whether some replica is sealed: a half seal must not hang.</summary>
    public TimeSpan AppendPatience { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long the oldest append may be unanswered, no replica being sealed, before the sequencer is asked to confirm its tail; if it cannot, it counts as lost. Longer than a sequencer that lost
    /// the majority of its LogServers takes to end the Loglet itself.
    /// </summary>
    public TimeSpan StalledAppendPatience { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Case 5 of checkTail: how long to wait for the global tail to reach the highest local tail before sealing (trap 11).</summary>
    public TimeSpan CaseFiveBound { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>First pause before something that failed is asked again; doubles up to <see cref="MaxRetryDelay"/>.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(5);

    public TimeSpan MaxRetryDelay { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How long reads, seals, trims and checkTail try before they fail with Unavailable.</summary>
    public TimeSpan OperationTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a subscription may bring nothing before another replica is asked whether there is more.</summary>
    public TimeSpan SubscriptionProbe { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Throws <see cref="ArgumentException"/> that names the wrong value; returns itself.</summary>
    public LogletOptions Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxBatchBytes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(SubscriptionCredit, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(RequestTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(HedgeReadsAfter, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(FastTailTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(ReconnectFor, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(AppendPatience, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(StalledAppendPatience, AppendPatience);
        ArgumentOutOfRangeException.ThrowIfLessThan(CaseFiveBound, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(RetryDelay, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxRetryDelay, RetryDelay);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(OperationTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(SubscriptionProbe, TimeSpan.Zero);
        return this;
    }
}
