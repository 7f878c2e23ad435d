using Delos.LocalStorage;
using Delos.Runtime;

namespace Delos.Tests.TableService;

/// <summary>Stores in memory whose rows, read by key, may be as slow as a disk that hangs. Their meta data are at hand always.</summary>
internal sealed class HeldStores : ILocalStoreFactory
{
    private readonly MemoryStoreFactory _inner = new();
    private readonly ManualResetEventSlim _gate = new(initialState: true);
    private int _held;

    /// <summary>Reads that wait.</summary>
    public int Held => Volatile.Read(ref _held);

    /// <summary>From now on reads of rows wait.</summary>
    public void Hold() => _gate.Reset();

    public void LetGo() => _gate.Set();

    public ILocalStore Open() => new Store(_inner.Open(), this);

    public ValueTask RestoreAsync(string directory, CancellationToken cancellationToken) => _inner.RestoreAsync(directory, cancellationToken);

    public ValueTask ClearAsync(CancellationToken cancellationToken) => _inner.ClearAsync(cancellationToken);

    private void Wait()
    {
        Interlocked.Increment(ref _held);
        _gate.Wait();
        Interlocked.Decrement(ref _held);
    }

    private sealed class Store(ILocalStore inner, HeldStores stores) : ILocalStore
    {
        public IStoreTransaction Begin() => inner.Begin();

        public IStoreSnapshot Snapshot() => new HeldSnapshot(inner.Snapshot(), stores);

        public ValueTask FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

        public ValueTask CheckpointAsync(string directory, CancellationToken cancellationToken) => inner.CheckpointAsync(directory, cancellationToken);

        public void Dispose() => inner.Dispose();
    }

    private sealed class HeldSnapshot(IStoreSnapshot inner, HeldStores stores) : IStoreSnapshot
    {
        public byte[]? Get(StoreSpace space, ReadOnlySpan<byte> key)
        {
            if (space == StoreSpace.Data) stores.Wait();
            return inner.Get(space, key);
        }

        public IStoreCursor Scan(StoreSpace space, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool reverse = false) => inner.Scan(space, from, to, reverse);

        public void Dispose() => inner.Dispose();
    }
}
