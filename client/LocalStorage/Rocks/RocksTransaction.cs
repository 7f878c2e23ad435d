using Delos.Runtime;

namespace Delos.LocalStorage.Rocks;

/// <summary>Changes that RocksDB keeps in a batch with an index, so that the transaction's own reads find them.</summary>
internal sealed unsafe class RocksTransaction(RocksStore store, DatabaseHandle database, ReadOptionsHandle readOptions) : IStoreTransaction
{
    private readonly BatchHandle _batch = RocksNative.BatchCreate(0, overwriteKeys: 1);

    // For each of ours the batch's savepoint, counted from 0, that stands for it. Ours without a change in between share one, since going back to one costs the batch a new index over all that is left.
    private readonly List<int> _savepoints = [];
    private int _marks;
    private bool _changedSinceMark;
    private bool _ended;

    /// <summary>Grows with every change: cursors have to look for their place again.</summary>
    public long Version { get; private set; }

    /// <summary>Grows when the batch's index is made anew: iterators over the old one are of no use any more.</summary>
    public int IndexVersion { get; private set; }

    public byte[]? Get(StoreSpace space, ReadOnlySpan<byte> key)
    {
        ThrowIfEnded();
        using var stored = new SpaceKey(space, key, stackalloc byte[SpaceKey.StackBytes]);
        fixed (byte* start = stored.Bytes)
        {
            var value = RocksNative.BatchGet(_batch, database, readOptions, start, (nuint)stored.Bytes.Length, out var length, out var error);
            RocksError.ThrowIfAny(error, "read");
            if (value == 0) return null;
            try
            {
                return new ReadOnlySpan<byte>((byte*)value, checked((int)length)).ToArray();
            }
            finally
            {
                RocksNative.Free(value);
            }
        }
    }

    public IStoreCursor Scan(StoreSpace space, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool reverse = false)
    {
        ThrowIfEnded();
        var range = new KeyRange(space, from, to);
        return range.IsEmpty ? EmptyCursor.Instance : new TransactionCursor(this, new ReadOptionsHandle(snapshot: null, range), reverse);
    }

    public void Put(StoreSpace space, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        ThrowIfEnded();
        using var stored = new SpaceKey(space, key, stackalloc byte[SpaceKey.StackBytes]);
        fixed (byte* start = stored.Bytes, valueStart = value) RocksNative.BatchPut(_batch, start, (nuint)stored.Bytes.Length, valueStart, (nuint)value.Length);
        OnChanged();
    }

    public void Delete(StoreSpace space, ReadOnlySpan<byte> key)
    {
        ThrowIfEnded();
        using var stored = new SpaceKey(space, key, stackalloc byte[SpaceKey.StackBytes]);
        fixed (byte* start = stored.Bytes) RocksNative.BatchDelete(_batch, start, (nuint)stored.Bytes.Length);
        OnChanged();
    }

    public int Savepoint()
    {
        ThrowIfEnded();
        if (_marks == 0 || _changedSinceMark) SetMark();
        _savepoints.Add(_marks - 1);
        return _savepoints.Count - 1;
    }

    public void RollBackTo(int savepoint)
    {
        ThrowIfEnded();
        ArgumentOutOfRangeException.ThrowIfNegative(savepoint);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(savepoint, _savepoints.Count);
        var mark = _savepoints[savepoint];
        _savepoints.RemoveRange(savepoint + 1, _savepoints.Count - savepoint - 1);
        if (mark == _marks - 1 && !_changedSinceMark) return;
        Version++;
        IndexVersion++;
        for (; _marks > mark; _marks--)
        {
            RocksNative.BatchRollBack(_batch, out var error);
            RocksError.ThrowIfAny(error, "roll back");
        }

        // Going back takes the mark away, but the savepoint stays valid.
        SetMark();
    }

    public void Commit()
    {
        ThrowIfEnded();
        try
        {
            store.Commit(_batch);
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
        _batch.Dispose();
        store.OnTransactionEnded();
    }

    internal IteratorHandle Iterate(ReadOptionsHandle options)
    {
        ThrowIfEnded();
        return new IteratorHandle(database, options, _batch);
    }

    internal void ThrowIfEnded() => ObjectDisposedException.ThrowIf(_ended, this);

    private void OnChanged()
    {
        Version++;
        _changedSinceMark = true;
    }

    private void SetMark()
    {
        RocksNative.BatchSetSavePoint(_batch);
        _marks++;
        _changedSinceMark = false;
    }
}
