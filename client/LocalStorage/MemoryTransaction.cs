using Delos.Runtime;

namespace Delos.LocalStorage;

/// <summary>Changes of a <see cref="MemoryStore"/>: one immutable state after the other, of which any may be returned to.</summary>
internal sealed class MemoryTransaction(MemoryStore store, MemoryState state) : IStoreTransaction
{
    private readonly List<MemoryState> _savepoints = [];
    private bool _ended;

    /// <summary>With the changes so far.</summary>
    public MemoryState State { get; private set; } = state;

    public byte[]? Get(StoreSpace space, ReadOnlySpan<byte> key)
    {
        ThrowIfEnded();
        return State.Get(space, key);
    }

    public IStoreCursor Scan(StoreSpace space, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool reverse = false)
    {
        ThrowIfEnded();
        return new MemoryTransactionCursor(this, space, from.ToArray(), to.ToArray(), reverse);
    }

    public void Put(StoreSpace space, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        ThrowIfEnded();
        State = State.With(space, key, value);
    }

    public void Append(StoreSpace space, ReadOnlySpan<byte> key, ReadOnlySpan<byte> bytes) => Put(space, key, [.. Get(space, key) ?? [], .. bytes]);

    public void Delete(StoreSpace space, ReadOnlySpan<byte> key)
    {
        ThrowIfEnded();
        State = State.Without(space, key);
    }

    public int Savepoint()
    {
        ThrowIfEnded();
        _savepoints.Add(State);
        return _savepoints.Count - 1;
    }

    public void RollBackTo(int savepoint)
    {
        ThrowIfEnded();
        ArgumentOutOfRangeException.ThrowIfNegative(savepoint);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(savepoint, _savepoints.Count);
        State = _savepoints[savepoint];
        _savepoints.RemoveRange(savepoint + 1, _savepoints.Count - savepoint - 1);
    }

    public void Commit()
    {
        ThrowIfEnded();
        try
        {
            store.Commit(State);
        }
        finally
        {
            Dispose();
        }
    }

    public void Dispose()
    {
        if (_ended) return;
        _ended = true;
        store.OnTransactionEnded();
    }

    internal void ThrowIfEnded() => ObjectDisposedException.ThrowIf(_ended, this);
}
