namespace Delos.Client.Tables;

/// <summary>Settings of a <see cref="TableClient"/>; immutable, checked once.</summary>
public sealed record TableClientOptions
{
    public static TableClientOptions Default { get; } = new();

    /// <summary>How much later than its time an operation ends at the most, on a machine that is not overloaded.</summary>
    public static TimeSpan Slack { get; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// How long an operation goes on trying, through whatever nodes, before it fails with Unavailable or, if a write may have been applied, OutcomeUnknown. Whatever does not answer, nodes, MetaStore or network, it ends then, or
    /// <see cref="Slack"/> later; that an attempt may take longer does not count. Of a scan that is each page, of a transaction each read and the commit; a watch goes on for as long as it takes. 15 s unless set.
    /// </summary>
    public TimeSpan OperationTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long one node may take before another one is asked. 4 s unless set.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>How often a transaction is run that conflicts with others, at most. 50 unless set.</summary>
    public int TransactionAttempts { get; init; } = 50;

    /// <summary>How long a watch waits at a node for the next change before it asks again, which also shows that the node keeps up with the log. 10 s unless set.</summary>
    public TimeSpan WatchWait { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Stay with the node that sequences the tables' log, if it has the tables, too: a write there takes two messages less, and so does the look at the tail of a linearizable read. It looks every 2 s which one that is. False: stay
    /// with whichever node was drawn by lot first, so that many clients, which mostly read, hold views or watch, spread over all nodes, each of which bounds those (section [table] of its configuration). True unless set.
    /// </summary>
    public bool PreferSequencer { get; init; } = true;

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
