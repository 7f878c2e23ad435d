namespace Delos.LocalStorage.Rocks;

/// <summary>
/// rocksdb_iterator_t. Not thread-safe, so its calls do without the counting of references that others go through; each keeps the handle alive to its end, since the collector might take one that is not used afterwards.
/// </summary>
internal sealed unsafe class IteratorHandle : RocksHandle
{
    public IteratorHandle(DatabaseHandle database, ReadOptionsHandle options) => Make(() => RocksNative.IteratorCreate(database, options), options, database);

    public bool IsValid
    {
        get
        {
            var isValid = RocksNative.IteratorValid(handle) != 0;
            GC.KeepAlive(this);
            return isValid;
        }
    }

    /// <summary>As stored. Only while valid; until the next move, and as long as the caller keeps this alive.</summary>
    public ReadOnlySpan<byte> Key
    {
        get
        {
            var start = RocksNative.IteratorKey(handle, out var length);
            GC.KeepAlive(this);
            return new ReadOnlySpan<byte>(start, checked((int)length));
        }
    }

    /// <summary>As <see cref="Key"/>.</summary>
    public ReadOnlySpan<byte> Value
    {
        get
        {
            var start = RocksNative.IteratorValue(handle, out var length);
            GC.KeepAlive(this);
            return new ReadOnlySpan<byte>(start, checked((int)length));
        }
    }

    public void SeekToFirst()
    {
        RocksNative.IteratorSeekToFirst(handle);
        GC.KeepAlive(this);
    }

    /// <summary>To the first key that is not below.</summary>
    public void Seek(ReadOnlySpan<byte> key)
    {
        fixed (byte* start = key) RocksNative.IteratorSeek(handle, start, (nuint)key.Length);
        GC.KeepAlive(this);
    }

    public void SeekToLast()
    {
        RocksNative.IteratorSeekToLast(handle);
        GC.KeepAlive(this);
    }

    public void Next()
    {
        RocksNative.IteratorNext(handle);
        GC.KeepAlive(this);
    }

    public void Previous()
    {
        RocksNative.IteratorPrevious(handle);
        GC.KeepAlive(this);
    }

    /// <summary>To be asked when it is not valid: a failed read ends it as the last key does.</summary>
    /// <exception cref="StoreException">It ended by an error.</exception>
    public void ThrowIfFailed()
    {
        RocksNative.IteratorError(handle, out var error);
        GC.KeepAlive(this);
        RocksError.ThrowIfAny(error, "scan");
    }

    protected override void Destroy() => RocksNative.IteratorDestroy(handle);
}
