using Delos.Runtime;

namespace Delos.LocalStorage.Rocks;

/// <summary>The database as of one moment.</summary>
internal sealed unsafe class RocksSnapshot : IStoreSnapshot
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
        var pinned = (nint)0;
        var held = false;
        try
        {
            // The options hold the snapshot, and that the database: what is pinned stays until it is copied, whoever disposes of what meanwhile.
            _options.DangerousAddRef(ref held);
            fixed (byte* start = stored.Bytes)
            {
                pinned = RocksNative.GetPinned(_database, _options, start, (nuint)stored.Bytes.Length, out var error);
                RocksError.ThrowIfAny(error, "read");
            }

            if (pinned == 0) return null;
            var value = RocksNative.PinnedValue(pinned, out var length);
            return new ReadOnlySpan<byte>(value, checked((int)length)).ToArray();
        }
        finally
        {
            if (pinned != 0) RocksNative.PinnedDestroy(pinned);
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
