namespace Delos.LocalStorage.Rocks;

/// <summary>rocksdb_writebatch_t: changes that are written together.</summary>
internal sealed class BatchHandle : RocksHandle
{
    protected override void Destroy() => RocksNative.BatchDestroy(handle);
}
