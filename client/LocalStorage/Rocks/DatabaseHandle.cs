namespace Delos.LocalStorage.Rocks;

/// <summary>rocksdb_t: an open database. Closing it writes what is in memory to files, where that succeeds.</summary>
internal sealed class DatabaseHandle : RocksHandle
{
    protected override void Destroy() => RocksNative.Close(handle);
}
