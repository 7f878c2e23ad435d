using Delos.Runtime;

namespace Delos.LocalStorage.Rocks;

/// <summary>Changes in managed memory, in front of the database: only a key that neither they nor the cache know costs a call of the library, and so does the commit, which writes the last state of each key.</summary>
internal sealed class RocksTransaction(RocksStore store, DatabaseHandle database, ReadOptionsHandle readOptions, Overlay overlay, ReadCache cache) : IStoreTransaction
{
    private bool _ended;

    public byte[]? Get(StoreSpace space, ReadOnlySpan<byte> key)
    {
        ThrowIfEnded();
        using var stored = new SpaceKey(space, key, stackalloc byte[SpaceKey.StackBytes]);
        var hash = KeyHash.Of(stored.Bytes);
        var change = overlay.Find(stored.Bytes, hash);
        if (change.Kind != Overlay.ChangeKind.None) return Copy(change.Value);
        if (cache.TryGet(stored.Bytes, hash, out var known)) return Copy(known);
        var read = PointRead.Get(database, readOptions, stored.Bytes);
        cache.Add(stored.Bytes.ToArray(), hash, read);
        return Copy(read);
    }

    public IStoreCursor Scan(StoreSpace space, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool reverse = false)
    {
        ThrowIfEnded();
        var range = new KeyRange(space, from, to);
        return range.IsEmpty ? EmptyCursor.Instance : new TransactionCursor(this, database, overlay, new ReadOptionsHandle(snapshot: null, range), reverse);
    }

    public void Put(StoreSpace space, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => Set(space, key, value.ToArray());

    public void Delete(StoreSpace space, ReadOnlySpan<byte> key) => Set(space, key, null);

    public int Savepoint()
    {
        ThrowIfEnded();
        return overlay.Savepoint();
    }

    public void RollBackTo(int savepoint)
    {
        ThrowIfEnded();
        overlay.RollBackTo(savepoint);
    }

    public void Commit()
    {
        ThrowIfEnded();
        try
        {
            store.Commit(overlay);
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
        overlay.Clear();
        store.OnTransactionEnded();
    }

    internal void ThrowIfEnded() => ObjectDisposedException.ThrowIf(_ended, this);

    private void Set(StoreSpace space, ReadOnlySpan<byte> key, byte[]? value)
    {
        ThrowIfEnded();
        using var stored = new SpaceKey(space, key, stackalloc byte[SpaceKey.StackBytes]);
        overlay.Set(stored.Bytes, value);
    }

    /// <summary>What the caller gets is his own.</summary>
    private static byte[]? Copy(byte[]? value) => value?.AsSpan().ToArray();
}
