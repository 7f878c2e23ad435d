namespace Delos.Client.Tables;

/// <summary>Settings of a <see cref="TableClient"/>; immutable, checked once.</summary>
public sealed record TableClientOptions
{
    public static TableClientOptions Default { get; } = new();

    /// <summary>How long an operation goes on trying, through whatever nodes, before it fails with Unavailable or, if a write may have been applied, OutcomeUnknown. 15 s unless set.</summary>
    public TimeSpan OperationTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long one node may take before another one is asked. 4 s unless set.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>How often a transaction is run that conflicts with others, at most. 50 unless set.</summary>
    public int TransactionAttempts { get; init; } = 50;

    /// <summary>How long a watch waits at a node for the next change before it asks again, which also shows that the node keeps up with the log. 10 s unless set.</summary>
    public TimeSpan WatchWait { get; init; } = TimeSpan.FromSeconds(10);

    internal TableClientOptions Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(OperationTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(AttemptTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(TransactionAttempts, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(WatchWait, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(WatchWait, TimeSpan.FromMinutes(10));
        return this;
    }
}
