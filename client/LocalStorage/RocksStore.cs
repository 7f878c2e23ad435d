using Delos.LocalStorage.Rocks;
using Delos.Runtime;

namespace Delos.LocalStorage;

/// <summary>
/// A store on the disk, by RocksDB. Commits go to memory only, without a log of their own, and from there to files in the background, in the order of the commits: after a crash it holds the state after some commit, no older than the last flush.
/// Disposed in good order, it keeps all. Errors of the disk are <see cref="StoreException"/>s; after one of a write, commits may go on failing until the store is opened anew.
/// </summary>
public sealed class RocksStore : ILocalStore
{
    private readonly DatabaseHandle _database;
    private readonly ReadOptionsHandle _readOptions = new(snapshot: null);
    private readonly WriteOptionsHandle _writeOptions = RocksNative.WriteOptionsCreate();
    private readonly FlushOptionsHandle _flushOptions = RocksNative.FlushOptionsCreate();
    private readonly string _directory;

    // Of the one transaction at a time.
    private readonly Overlay _overlay = new();
    private readonly BatchWriter _writer = new();
    private readonly ReadCache _cache;
    private int _transactions;
    private volatile bool _disposed;

    internal RocksStore(RocksStoreOptions options)
    {
        _directory = options.Directory;
        _cache = new ReadCache(options.ReadCacheBytes);
        _database = DatabaseOpener.Open(options);
        RocksNative.WriteOptionsDisableLog(_writeOptions, 1);
        RocksNative.FlushOptionsSetWait(_flushOptions, 1);
    }

    /// <summary>Closed by its owner; the database stays open until its snapshots and cursors are disposed of.</summary>
    internal bool IsDisposed => _disposed;

    /// <exception cref="InvalidOperationException">There is one already.</exception>
    public IStoreTransaction Begin()
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (Interlocked.CompareExchange(ref _transactions, 1, 0) != 0) throw new InvalidOperationException("The store has a transaction already; there is one at a time.");
        return new RocksTransaction(this, _database, _readOptions, _overlay, _cache);
    }

    public IStoreSnapshot Snapshot()
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        return new RocksSnapshot(_database);
    }

    /// <summary>As the interface says, on another thread. Once begun, it is not cancelled.</summary>
    /// <exception cref="StoreException">The disk failed: nothing can be said of what survives beyond earlier flushes.</exception>
    public ValueTask FlushAsync(CancellationToken cancellationToken) => new(Task.Run(Flush, cancellationToken));

    /// <summary>
    /// As the interface says, on another thread; the files share their bytes with the store's (hard links) if both are on one file system. Includes a flush. Once begun, it is not cancelled.
    /// The directory appears when it is complete and durable; until then it has the ending ".partial".
    /// </summary>
    /// <exception cref="IOException">The directory exists, or the disk failed.</exception>
    public ValueTask CheckpointAsync(string directory, CancellationToken cancellationToken) => new(Task.Run(() => Checkpoint(StoreFiles.FullPath(directory)), cancellationToken));

    /// <summary>Waits for background work. What was committed but not flushed is written if the disk lets it. As long as snapshots or cursors are out, they can be read, and the files stay in use.</summary>
    public void Dispose()
    {
        _disposed = true;
        _readOptions.Dispose();
        _writeOptions.Dispose();
        _flushOptions.Dispose();
        _database.Dispose();
    }

    internal void Commit(Overlay overlay)
    {
        _writer.Clear();
        foreach (var i in overlay.Ordered())
        {
            // What was put and deleted again leaves no trace, where it is known that it was not there before.
            var change = overlay[i];
            if (change.Kind == Overlay.ChangeKind.Put || !_cache.TryGet(overlay.KeyAt(i), overlay.HashAt(i), out var stored) || stored is not null) _writer.Add(overlay.KeyAt(i), change);
        }

        if (_writer.IsEmpty) return;
        try
        {
            using var batch = _writer.Take();
            RocksNative.Write(_database, _writeOptions, batch, out var error);
            RocksError.ThrowIfAny(error, $"commit to store {_directory}");
            for (var i = 0; i < overlay.Count; i++)
            {
                if (overlay[i].Kind != Overlay.ChangeKind.None) _cache.Update(overlay.KeyAt(i), overlay.HashAt(i), overlay[i]);
            }
        }
        catch
        {
            // Whether it was written is not known.
            _cache.Clear();
            throw;
        }
    }

    internal void OnTransactionEnded() => Volatile.Write(ref _transactions, 0);

    private void Flush()
    {
        RocksNative.Flush(_database, _flushOptions, out var error);
        RocksError.ThrowIfAny(error, $"flush store {_directory}");
    }

    private void Checkpoint(string directory)
    {
        var operation = $"write checkpoint {directory} of store {_directory}";
        if (Path.Exists(directory)) throw new StoreException(operation, "the directory exists");
        var partial = directory + ".partial";
        StoreFiles.EnsureDirectory(Path.GetDirectoryName(directory)!);
        StoreFiles.Delete(partial);
        try
        {
            using var checkpoint = new CheckpointHandle(_database, operation);
            RocksNative.CheckpointCreate(checkpoint, partial, logBytes: 0, out var error);
            RocksError.ThrowIfAny(error, operation);
            StoreFiles.Sync(partial);
        }
        catch
        {
            StoreFiles.Delete(partial);
            throw;
        }

        Posix.Rename(partial, directory);
        Posix.SyncDirectory(Path.GetDirectoryName(directory)!);
    }
}
