namespace Delos.LocalStorage.Rocks;

/// <summary>rocksdb_checkpoint_t: makes checkpoints of one database.</summary>
internal sealed class CheckpointHandle : RocksHandle
{
    /// <exception cref="StoreException">RocksDB refuses.</exception>
    public CheckpointHandle(DatabaseHandle database, string operation) => Make(
        () =>
        {
            var made = RocksNative.CheckpointCreateObject(database, out var error);
            RocksError.ThrowIfAny(error, operation);
            return made;
        },
        database);

    protected override void Destroy() => RocksNative.CheckpointDestroyObject(handle);
}
