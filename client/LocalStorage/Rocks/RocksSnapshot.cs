using Delos.Runtime;

namespace Delos.LocalStorage.Rocks;

/// <summary>The database as of one moment.</summary>
internal sealed class RocksSnapshot : IStoreSnapshot
{
    private readonly DatabaseHandle _database;
    private readonly SnapshotHandle _snapshot;
    private readonly ReadOptionsHandle _options;

    public RocksSnapshot(DatabaseHandle database)
    {
        _database = database;
        _snapshot = new SnapshotHandle(database);
        _options = new ReadOptionsHandle(_snapshot);
    }

    public byte[]? Get(StoreSpace space, ReadOnlySpan<byte> key)
    {
        using var stored = new SpaceKey(space, key, stackalloc byte[SpaceKey.StackBytes]);
        var held = false;
        try
        {
            // The options hold the snapshot, and that the database, whoever disposes of what meanwhile.
            _options.DangerousAddRef(ref held);
            return PointRead.Get(_database, _options, stored.Bytes);
        }
        finally
        {
            if (held) _options.DangerousRelease();
        }
    }

    public IStoreCursor Scan(StoreSpace space, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool reverse = false)
    {
        var range = new KeyRange(space, from, to);
        if (range.IsEmpty) return EmptyCursor.Instance;
        using var options = new ReadOptionsHandle(_snapshot, range);
        return new RocksCursor(new IteratorHandle(_database, options), reverse);
    }

    public void Dispose()
    {
        _options.Dispose();
        _snapshot.Dispose();
    }
}
