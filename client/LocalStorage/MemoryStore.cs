using Delos.Runtime;

namespace Delos.LocalStorage;

/// <summary>
/// A store in memory, for tests, examples and small states. Snapshots cost nothing, since the state is an immutable tree. It survives as long as its <see cref="MemoryStoreFactory"/>; "a crash" takes it back to the last flush.
/// </summary>
public sealed class MemoryStore : ILocalStore
{
    private readonly MemoryStoreFactory _factory;
    private MemoryState _state;
    private int _transactions;
    private bool _disposed;

    internal MemoryStore(MemoryStoreFactory factory, MemoryState state)
    {
        _factory = factory;
        _state = state;
    }

    /// <exception cref="InvalidOperationException">There is one already.</exception>
    public IStoreTransaction Begin()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (Interlocked.CompareExchange(ref _transactions, 1, 0) != 0) throw new InvalidOperationException("The store has a transaction already; there is one at a time.");
        return new MemoryTransaction(this, Volatile.Read(ref _state));
    }

    public IStoreSnapshot Snapshot()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return new MemorySnapshot(Volatile.Read(ref _state));
    }

    public ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        _factory.OnFlushed(Volatile.Read(ref _state));
        return ValueTask.CompletedTask;
    }

    public ValueTask CheckpointAsync(string directory, CancellationToken cancellationToken)
    {
        MemoryCheckpoint.Write(Volatile.Read(ref _state), directory);
        return ValueTask.CompletedTask;
    }

    public void Dispose()
    {
        _disposed = true;
        _factory.OnClosed(Volatile.Read(ref _state));
    }

    internal void Commit(MemoryState state)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Volatile.Write(ref _state, state);
    }

    internal void OnTransactionEnded() => Volatile.Write(ref _transactions, 0);
}
