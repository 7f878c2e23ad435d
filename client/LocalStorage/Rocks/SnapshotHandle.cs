namespace Delos.LocalStorage.Rocks;

/// <summary>rocksdb_snapshot_t: as long as it lives, nothing that was visible when it was made goes away.</summary>
internal sealed class SnapshotHandle : RocksHandle
{
    private readonly DatabaseHandle _database;

    public SnapshotHandle(DatabaseHandle database)
    {
        _database = database;
        Make(() => RocksNative.SnapshotCreate(database), database);
    }

    // The database's own handle counts as closed by now if the store was disposed first; its object is still there.
    protected override void Destroy() => RocksNative.SnapshotRelease(_database.DangerousGetHandle(), handle);
}
