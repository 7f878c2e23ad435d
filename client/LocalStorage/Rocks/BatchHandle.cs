namespace Delos.LocalStorage.Rocks;

/// <summary>rocksdb_writebatch_wi_t: changes in the order in which they were made, with an index by key.</summary>
internal sealed class BatchHandle : RocksHandle
{
    protected override void Destroy() => RocksNative.BatchDestroy(handle);
}
