using Delos.Runtime;

namespace Delos.LocalStorage.Rocks;

/// <summary>Changes in managed memory, in front of what was committed last, and that in front of the database: only a key that neither they nor the cache know costs a call of the library.</summary>
internal sealed class RocksTransaction(RocksStore store, DatabaseHandle database, ReadOptionsHandle readOptions, Overlay overlay, CommitBuffer committed, ReadCache cache) : IStoreTransaction
{
    private bool _ended;
    private bool _hasScanned;

    public byte[]? Get(StoreSpace space, ReadOnlySpan<byte> key)
    {
        ThrowIfEnded();
        using var stored = new SpaceKey(space, key, stackalloc byte[SpaceKey.StackBytes]);
        var hash = KeyHash.Of(stored.Bytes);
        var change = overlay.Find(stored.Bytes, hash);
        if (change.Kind == Overlay.ChangeKind.None) return TryGetCommitted(stored.Bytes, hash, out var value) ? value.ToArray() : null;
        return change.Kind == Overlay.ChangeKind.Put ? change.Value.ToArray() : null;
    }

    public IStoreCursor Scan(StoreSpace space, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool reverse = false)
    {
        ThrowIfEnded();
        var range = new KeyRange(space, from, to);

        if (range.IsEmpty) return EmptyCursor.Instance;

        // Many walks that end before they come to what was committed last, as those over the oldest of something do, need not have that written. To look where it is takes as long as to write some of it: once for a transaction.
        if (reverse || _hasScanned) WriteCommitted();
        var options = new ReadOptionsHandle(snapshot: null, range);
        var unwritten = reverse || _hasScanned ? null : committed.FirstOf(options.Lower, options.Upper);
        _hasScanned = true;
        return new TransactionCursor(this, database, overlay, options, unwritten, reverse);
    }

    public void Put(StoreSpace space, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => Set(space, key, value.ToArray());

    public void Append(StoreSpace space, ReadOnlySpan<byte> key, ReadOnlySpan<byte> bytes)
    {
        ThrowIfEnded();
        using var stored = new SpaceKey(space, key, stackalloc byte[SpaceKey.StackBytes]);
        var hash = KeyHash.Of(stored.Bytes);
        ReadOnlySpan<byte> before = default;
        if (overlay.Find(stored.Bytes, hash).Kind == Overlay.ChangeKind.None) TryGetCommitted(stored.Bytes, hash, out before);
        overlay.Append(stored.Bytes, hash, before, bytes);
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

    /// <summary>Gives to the database what was committed so far.</summary>
    internal void WriteCommitted() => store.WriteBuffer();

    internal void ThrowIfEnded() => ObjectDisposedException.ThrowIf(_ended, this);

    private void Set(StoreSpace space, ReadOnlySpan<byte> key, byte[]? value)
    {
        ThrowIfEnded();
        using var stored = new SpaceKey(space, key, stackalloc byte[SpaceKey.StackBytes]);
        overlay.Set(stored.Bytes, KeyHash.Of(stored.Bytes), value);
    }

    /// <summary>As of the last commit.</summary>
    private bool TryGetCommitted(scoped ReadOnlySpan<byte> key, int hash, out ReadOnlySpan<byte> value)
    {
        var change = committed.Find(key, hash);
        value = change.Value;
        if (change.Kind != Overlay.ChangeKind.None) return change.Kind == Overlay.ChangeKind.Put;
        if (!cache.TryGet(key, hash, out var stored))
        {
            stored = PointRead.Get(database, readOptions, key);
            cache.Add(key.ToArray(), hash, stored);
        }

        value = stored;
        return stored is not null;
    }
}
