using Delos.LocalStorage.Rocks;
using Delos.Runtime;

namespace Delos.LocalStorage;

/// <summary>
/// A store on the disk, by RocksDB. Commits go to memory only, without a log of their own: several are gathered and given to the library at once, or as soon as somebody wants to see them; from there they go to files in the background, in the
/// order of the commits. After a crash it holds the state after some commit, no older than the last flush. Disposed in good order, it keeps all. Errors of the disk are <see cref="StoreException"/>s; after one of a write, commits may go on failing until the store is opened anew.
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
    private readonly ReadCache _cache;

    private readonly CommitBuffers _buffers;
    private readonly BatchWriter _batch;

    private int _transactions;

    internal RocksStore(RocksStoreOptions options)
    {
        _directory = options.Directory;
        _cache = new ReadCache(options.ReadCacheBytes);
        _batch = new BatchWriter(2 * options.CommitBufferBytes);
        _buffers = new CommitBuffers(_cache, options.CommitBufferBytes, Write);
        _database = DatabaseOpener.Open(options);
        RocksNative.WriteOptionsDisableLog(_writeOptions, 1);
        RocksNative.FlushOptionsSetWait(_flushOptions, 1);
    }

    /// <summary>Closed by its owner; the database stays open until its snapshots and cursors are disposed of.</summary>
    internal bool IsDisposed => _buffers.IsClosed;

    /// <exception cref="InvalidOperationException">There is one already.</exception>
    public IStoreTransaction Begin()
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (Interlocked.CompareExchange(ref _transactions, 1, 0) != 0) throw new InvalidOperationException("The store has a transaction already; there is one at a time.");
        return new RocksTransaction(this, _database, _readOptions, _overlay, _buffers, _cache);
    }

    /// <exception cref="StoreException">The disk failed.</exception>
    public IStoreSnapshot Snapshot()
    {
        _buffers.Write(isForReader: true);
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
        if (!_buffers.Close()) return;
        _readOptions.Dispose();
        _writeOptions.Dispose();
        _flushOptions.Dispose();
        _database.Dispose();
    }

    internal void OnTransactionEnded() => Volatile.Write(ref _transactions, 0);

    private void Write(CommitBuffer buffer)
    {
        _batch.Clear();
        buffer.WriteTo(_batch);
        using var batch = _batch.Take();
        RocksNative.Write(_database, _writeOptions, batch, out var error);
        RocksError.ThrowIfAny(error, $"commit to store {_directory}");
    }

    private void Flush()
    {
        _buffers.Write(isForReader: false);
        RocksNative.Flush(_database, _flushOptions, out var error);
        RocksError.ThrowIfAny(error, $"flush store {_directory}");
    }

    private void Checkpoint(string directory)
    {
        var operation = $"write checkpoint {directory} of store {_directory}";
        _buffers.Write(isForReader: false);
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
