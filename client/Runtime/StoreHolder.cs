namespace Delos.Runtime;

/// <summary>The replica's open store, and the readers' snapshots of it: it is closed, to be replaced by another one, only when the last of them is gone. Thread-safe.</summary>
internal sealed class StoreHolder : IDisposable
{
    private readonly Lock _lock = new();
    private ILocalStore? _store;
    private int _snapshots;
    private TaskCompletionSource? _idle;

    /// <summary>The open store; for the apply loop.</summary>
    public ILocalStore Store => _store ?? throw new InvalidOperationException("No store is open.");

    /// <summary>Changes whenever another store takes the place of the one before.</summary>
    public int Generation { get; private set; }

    public void Open(ILocalStore store)
    {
        lock (_lock)
        {
            _store = store;
            Generation++;
        }
    }

    /// <summary>Null: the store is closed, is being replaced, or is another one than that of <paramref name="generation"/>.</summary>
    /// <exception cref="LocalStoreException">The disk failed.</exception>
    public IStoreSnapshot? Snapshot(int? generation = null)
    {
        ILocalStore store;
        lock (_lock)
        {
            if (_store is null || _idle is not null || (generation ?? Generation) != Generation) return null;
            store = _store;
            _snapshots++;
        }

        try
        {
            // It may have to write, and a slow disk must not hold up those who only give one back.
            return new HeldSnapshot(this, store.Snapshot());
        }
        catch (Exception e)
        {
            Release();
            if (e is ObjectDisposedException) return null;
            throw;
        }
    }

    /// <summary>Gives out no more snapshots, waits for those that are out, and closes the store.</summary>
    public async Task CloseAsync(CancellationToken cancellationToken)
    {
        Task idle;
        lock (_lock)
        {
            if (_store is null) return;
            _idle = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_snapshots == 0) _idle.TrySetResult();
            idle = _idle.Task;
        }

        try
        {
            await idle.WaitAsync(cancellationToken).ConfigureAwait(false);
            Dispose();
        }
        finally
        {
            lock (_lock) _idle = null;
        }
    }

    /// <summary>Closes the store without waiting for snapshots that are out: they may go on or fail, as the store has it.</summary>
    public void Dispose()
    {
        ILocalStore? store;
        lock (_lock)
        {
            store = _store;
            _store = null;
        }

        store?.Dispose();
    }

    private void Release()
    {
        lock (_lock)
        {
            if (--_snapshots == 0) _idle?.TrySetResult();
        }
    }

    private sealed class HeldSnapshot(StoreHolder holder, IStoreSnapshot inner) : IStoreSnapshot
    {
        private int _disposed;

        public byte[]? Get(StoreSpace space, ReadOnlySpan<byte> key) => inner.Get(space, key);

        public IStoreCursor Scan(StoreSpace space, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool reverse = false) => inner.Scan(space, from, to, reverse);

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
            inner.Dispose();
            holder.Release();
        }
    }
}
