namespace Delos.LocalStorage.Rocks;

/// <summary>rocksdb_t: an open database. Closing it writes what is in memory to files, where that succeeds.</summary>
internal sealed class DatabaseHandle : RocksHandle
{
    /// <summary>Where it is open for writing; null: only for reading.</summary>
    public OpenDirectory? Place { get; set; }

    protected override void Dispose(bool disposing)
    {
        Place?.BeginClosing();
        base.Dispose(disposing);
    }

    protected override void Destroy()
    {
        RocksNative.Close(handle);
        Place?.Leave();
    }
}
