using Delos.Runtime;

namespace Delos.Tests.Runtime;

/// <summary>What goes wrong with a replica's store; null: nothing.</summary>
internal sealed class StoreFaults
{
    /// <summary>What a flush fails with.</summary>
    public Func<Exception>? Flush { get; set; }

    /// <summary>Runs before a transaction begins, and may throw, or wrap it.</summary>
    public Func<IStoreTransaction, IStoreTransaction>? Begin { get; set; }

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
        public IStoreTransaction Begin() => faults.Begin is { } wrap ? wrap(inner.Begin()) : inner.Begin();

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

/// <summary>A transaction whose commit may fail.</summary>
/// <param name="inner">What it does.</param>
/// <param name="onCommit">Runs before the commit, and may throw.</param>
internal sealed class FailingTransaction(IStoreTransaction inner, Action onCommit) : IStoreTransaction
{
    public byte[]? Get(StoreSpace space, ReadOnlySpan<byte> key) => inner.Get(space, key);

    public IStoreCursor Scan(StoreSpace space, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool reverse = false) => inner.Scan(space, from, to, reverse);

    public void Put(StoreSpace space, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => inner.Put(space, key, value);

    public void Append(StoreSpace space, ReadOnlySpan<byte> key, ReadOnlySpan<byte> bytes) => inner.Append(space, key, bytes);

    public void Delete(StoreSpace space, ReadOnlySpan<byte> key) => inner.Delete(space, key);

    public int Savepoint() => inner.Savepoint();

    public void RollBackTo(int savepoint) => inner.RollBackTo(savepoint);

    public void Commit()
    {
        onCommit();
        inner.Commit();
    }

    public void Dispose() => inner.Dispose();
}
