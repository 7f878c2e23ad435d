using Delos.Runtime;

namespace Delos.Tests.Runtime;

/// <summary>What goes wrong with a replica's store; null: nothing.</summary>
internal sealed class StoreFaults
{
    /// <summary>What a flush fails with.</summary>
    public Func<Exception>? Flush { get; set; }

    /// <summary>Runs before a checkpoint, and may throw.</summary>
    public Action? Checkpoint { get; set; }
}

/// <summary>Another factory's stores, which fail when they are told to.</summary>
internal sealed class FaultyStores(ILocalStoreFactory inner, StoreFaults faults) : ILocalStoreFactory
{
    public ILocalStore Open() => new Store(inner.Open(), faults);

    public ValueTask RestoreAsync(string directory, CancellationToken cancellationToken) => inner.RestoreAsync(directory, cancellationToken);

    public ValueTask ClearAsync(CancellationToken cancellationToken) => inner.ClearAsync(cancellationToken);

    private sealed class Store(ILocalStore inner, StoreFaults faults) : ILocalStore
    {
        public IStoreTransaction Begin() => inner.Begin();

        public IStoreSnapshot Snapshot() => inner.Snapshot();

        public ValueTask FlushAsync(CancellationToken cancellationToken) => faults.Flush is { } failure ? ValueTask.FromException(failure()) : inner.FlushAsync(cancellationToken);

        public ValueTask CheckpointAsync(string directory, CancellationToken cancellationToken)
        {
            faults.Checkpoint?.Invoke();
            return inner.CheckpointAsync(directory, cancellationToken);
        }

        public void Dispose() => inner.Dispose();
    }
}
