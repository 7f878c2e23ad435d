using Delos.Runtime;

namespace Delos.LocalStorage.Rocks;

/// <summary>Changes in managed memory, in front of what was committed last, and that in front of the database: only a key that neither they nor the cache know costs a call of the library.</summary>
internal sealed class RocksTransaction(RocksStore store, DatabaseHandle database, ReadOptionsHandle readOptions, Overlay overlay, CommitBuffers committed, ReadCache cache) : IStoreTransaction
{
    private bool _ended;
    private bool _hasScanned;

    public byte[]? Get(StoreSpace space, ReadOnlySpan<byte> key)
    {
        ThrowIfEnded();
        using var stored = new SpaceKey(space, key, stackalloc byte[SpaceKey.StackBytes]);
        var hash = KeyHash.Of(stored.Bytes);
        var change = overlay.Find(stored.Bytes, hash);
        if (change.Kind == ChangeKind.None) return TryGetCommitted(stored.Bytes, hash, out var value) ? value.ToArray() : null;
        return change.Kind == ChangeKind.Put ? overlay.ValueOf(change).ToArray() : null;
    }

    public IStoreCursor Scan(StoreSpace space, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool reverse = false)
    {
        ThrowIfEnded();
        var range = new KeyRange(space, from, to);

        if (range.IsEmpty) return EmptyCursor.Instance;

        // Many walks that end before they come to what was committed last, as those over the oldest of something do, need not have that written. To look where it is takes as long as to write some of it: once for a transaction.
        if (reverse || _hasScanned) WriteCommitted();
        var options = new ReadOptionsHandle(snapshot: null, range);
        var unwritten = reverse || _hasScanned ? null : committed.FirstUnwritten(options.Lower, options.Upper);
        _hasScanned = true;
        return new TransactionCursor(this, database, overlay, options, unwritten, reverse);
    }

    public void Put(StoreSpace space, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        ThrowIfEnded();
        using var stored = new SpaceKey(space, key, stackalloc byte[SpaceKey.StackBytes]);
        overlay.Put(stored.Bytes, KeyHash.Of(stored.Bytes), value);
    }

    public void Append(StoreSpace space, ReadOnlySpan<byte> key, ReadOnlySpan<byte> bytes)
    {
        ThrowIfEnded();
        using var stored = new SpaceKey(space, key, stackalloc byte[SpaceKey.StackBytes]);
        var hash = KeyHash.Of(stored.Bytes);
        ReadOnlySpan<byte> before = default;
        if (overlay.Find(stored.Bytes, hash).Kind == ChangeKind.None) TryGetCommitted(stored.Bytes, hash, out before);
        overlay.Append(stored.Bytes, hash, before, bytes);
    }

    public void Delete(StoreSpace space, ReadOnlySpan<byte> key)
    {
        ThrowIfEnded();
        using var stored = new SpaceKey(space, key, stackalloc byte[SpaceKey.StackBytes]);
        overlay.Delete(stored.Bytes, KeyHash.Of(stored.Bytes));
    }

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
            committed.Commit(overlay);
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
        try
        {
            overlay.Clear();
        }
        finally
        {
            store.OnTransactionEnded();
        }
    }

    /// <summary>Gives to the database what was committed so far.</summary>
    internal void WriteCommitted() => committed.Write(isForReader: false);

    internal void ThrowIfEnded() => ObjectDisposedException.ThrowIf(_ended, this);

    /// <summary>As of the last commit.</summary>
    private bool TryGetCommitted(scoped ReadOnlySpan<byte> key, int hash, out ReadOnlySpan<byte> value)
    {
        var kind = committed.Find(key, hash, out value);
        if (kind == ChangeKind.None) kind = cache.Find(key, hash, out value);
        if (kind != ChangeKind.None) return kind == ChangeKind.Put;
        kind = committed.FindFull(key, hash, out value);
        if (kind == ChangeKind.None)
        {
            var stored = PointRead.Get(database, readOptions, key);
            kind = stored is null ? ChangeKind.Deleted : ChangeKind.Put;
            value = stored;
        }

        cache.Add(key, hash, kind, value);
        return kind == ChangeKind.Put;
    }
}
