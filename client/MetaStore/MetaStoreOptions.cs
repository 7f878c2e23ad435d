namespace Delos.Client.MetaStore;

/// <summary>How a <see cref="MetaStoreClient"/> asks. Immutable.</summary>
public sealed record MetaStoreOptions
{
    /// <summary>
    /// True on the nodes themselves: the seeds are all the cluster's MetaStore nodes, from the configuration, and hence the acceptors of a register's first version. False for clients, whose list may be partial:
    /// as long as none of the seeds knows the cluster, their operations wait and then fail, rather than take an incomplete list for a quorum.
    /// </summary>
    public bool SeedsAreAcceptors { get; init; }

    /// <summary>How long one request to one acceptor may take.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>After this an operation that found no majority fails with <see cref="MetaStoreUnavailableException"/>.</summary>
    public TimeSpan OperationTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long the first write of a cluster waits for seeds to say who they are. Those that do not are known by their address only, until a later write.</summary>
    public TimeSpan IdentifyTimeout { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>How long a read that has a majority's answers, but no decision, waits for slower ones before it finishes the version itself.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>Mean of the first random wait after losing a ballot or failing to reach a majority; it doubles up to <see cref="MaxBackOff"/>.</summary>
    public TimeSpan MinBackOff { get; init; } = TimeSpan.FromMilliseconds(2);

    public TimeSpan MaxBackOff { get; init; } = TimeSpan.FromMilliseconds(100);
}
