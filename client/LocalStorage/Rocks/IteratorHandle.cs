namespace Delos.LocalStorage.Rocks;

/// <summary>rocksdb_iterator_t. Not thread-safe, so its calls do without the counting of references that others go through: whoever uses it holds it.</summary>
internal sealed unsafe class IteratorHandle : RocksHandle
{
    /// <summary>Over the database.</summary>
    public IteratorHandle(DatabaseHandle database, ReadOptionsHandle options)
    {
        SetHandle(RocksNative.IteratorCreate(database, options));
        DependOn(options);
        DependOn(database);
    }

    /// <summary>Over the database as it will be with the batch. Only the database's part heeds the bounds of the options. To be thrown away when the batch rolls back, which takes away the index that it walks.</summary>
    public IteratorHandle(DatabaseHandle database, ReadOptionsHandle options, BatchHandle batch)
        : this(database, options)
    {
        SetHandle(RocksNative.BatchIteratorCreate(batch, handle));
        DependOn(batch);
    }

    public bool IsValid => RocksNative.IteratorValid(handle) != 0;

    /// <summary>Of the database. Only while valid; until the next move or, with a batch, the next change.</summary>
    public ReadOnlySpan<byte> Key
    {
        get
        {
            var start = RocksNative.IteratorKey(handle, out var length);
            return new ReadOnlySpan<byte>(start, checked((int)length));
        }
    }

    /// <summary>As <see cref="Key"/>.</summary>
    public ReadOnlySpan<byte> Value
    {
        get
        {
            var start = RocksNative.IteratorValue(handle, out var length);
            return new ReadOnlySpan<byte>(start, checked((int)length));
        }
    }

    public void SeekToFirst() => RocksNative.IteratorSeekToFirst(handle);

    public void SeekToLast() => RocksNative.IteratorSeekToLast(handle);

    public void Next() => RocksNative.IteratorNext(handle);

    public void Previous() => RocksNative.IteratorPrevious(handle);

    /// <summary>To the first key that is not below.</summary>
    public void Seek(ReadOnlySpan<byte> key)
    {
        fixed (byte* start = key) RocksNative.IteratorSeek(handle, start, (nuint)key.Length);
    }

    /// <summary>To the last key that is not above.</summary>
    public void SeekForPrevious(ReadOnlySpan<byte> key)
    {
        fixed (byte* start = key) RocksNative.IteratorSeekForPrevious(handle, start, (nuint)key.Length);
    }

    /// <summary>To be asked when it is not valid: a failed read ends it as the last key does.</summary>
    /// <exception cref="StoreException">It ended by an error.</exception>
    public void ThrowIfFailed()
    {
        RocksNative.IteratorError(handle, out var error);
        RocksError.ThrowIfAny(error, "scan");
    }

    protected override void Destroy() => RocksNative.IteratorDestroy(handle);
}
