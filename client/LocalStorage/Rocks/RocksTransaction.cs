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
        if (change.Kind == Overlay.ChangeKind.None) return Stored(stored.Bytes, hash)?.AsSpan().ToArray();
        return change.Kind == Overlay.ChangeKind.Put ? change.Value.ToArray() : null;
    }

    public IStoreCursor Scan(StoreSpace space, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool reverse = false)
    {
        ThrowIfEnded();
        var range = new KeyRange(space, from, to);
        return range.IsEmpty ? EmptyCursor.Instance : new TransactionCursor(this, database, overlay, new ReadOptionsHandle(snapshot: null, range), reverse);
    }

    public void Put(StoreSpace space, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => Set(space, key, value.ToArray());

    public void Append(StoreSpace space, ReadOnlySpan<byte> key, ReadOnlySpan<byte> bytes)
    {
        ThrowIfEnded();
        using var stored = new SpaceKey(space, key, stackalloc byte[SpaceKey.StackBytes]);
        var hash = KeyHash.Of(stored.Bytes);
        if (overlay.Find(stored.Bytes, hash).Kind == Overlay.ChangeKind.None) overlay.Append(stored.Bytes, hash, Stored(stored.Bytes, hash), bytes);
        else overlay.Append(stored.Bytes, hash, default, bytes);
    }

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
        overlay.Set(stored.Bytes, KeyHash.Of(stored.Bytes), value);
    }

    /// <summary>What the database has; the cache's own, not to be given away. Null: there is no such key.</summary>
    private byte[]? Stored(ReadOnlySpan<byte> key, int hash)
    {
        if (cache.TryGet(key, hash, out var known)) return known;
        var read = PointRead.Get(database, readOptions, key);
        cache.Add(key.ToArray(), hash, read);
        return read;
    }
}
