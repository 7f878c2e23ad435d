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

    // What was committed last, which only a commit changes. A transaction reads it without the lock, since it is in the way of no other commit.
    private readonly CommitBuffer _buffer = new();
    private readonly long _bufferBytes;

    // Held while something is committed, or given to the database.
    private readonly Lock _writing = new();
    private readonly BatchWriter _batch = new();
    private bool _isWritten = true;
    private bool _hasFailed;

    private int _transactions;
    private volatile bool _disposed;

    internal RocksStore(RocksStoreOptions options)
    {
        _directory = options.Directory;
        _cache = new ReadCache(options.ReadCacheBytes);
        _bufferBytes = options.CommitBufferBytes;
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
        return new RocksTransaction(this, _database, _readOptions, _overlay, _buffer, _cache);
    }

    /// <exception cref="StoreException">The disk failed.</exception>
    public IStoreSnapshot Snapshot()
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        WriteBuffer();
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
        lock (_writing)
        {
            if (_disposed) return;
            try
            {
                WriteBuffer();
            }
            catch (StoreException)
            {
                // As after a crash: the log has it.
            }

            _disposed = true;
        }

        _readOptions.Dispose();
        _writeOptions.Dispose();
        _flushOptions.Dispose();
        _database.Dispose();
    }

    /// <summary>Takes over what a transaction changed; if that throws, nothing of it.</summary>
    internal void Commit(Overlay overlay)
    {
        lock (_writing)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);

            // A disk that failed a reader is told of here, too, before more is promised.
            if (_hasFailed || _buffer.Bytes >= _bufferBytes) WriteBuffer();
            if (_isWritten) _buffer.MoveTo(_cache);

            // From here on nothing can fail: half of a commit must never be written.
            _buffer.MakeRoom(overlay.Count);
            for (var i = 0; i < overlay.Count; i++)
            {
                var change = overlay[i];
                if (change.Kind == Overlay.ChangeKind.None || IsKnownAbsent(overlay.KeyAt(i), overlay.HashAt(i), change)) continue;
                _buffer.Set(overlay.KeyAt(i), overlay.HashAt(i), change);
                _isWritten = false;
            }
        }
    }

    /// <summary>Gives to the database what was committed so far.</summary>
    /// <exception cref="StoreException">The disk failed. Whether it was written is not known; the next call tries again.</exception>
    internal void WriteBuffer()
    {
        lock (_writing)
        {
            if (_isWritten) return;
            _batch.Clear();
            _buffer.WriteTo(_batch);
            using var batch = _batch.Take();
            _hasFailed = true;
            RocksNative.Write(_database, _writeOptions, batch, out var error);
            RocksError.ThrowIfAny(error, $"commit to store {_directory}");
            (_isWritten, _hasFailed) = (true, false);
        }
    }

    internal void OnTransactionEnded() => Volatile.Write(ref _transactions, 0);

    /// <summary>What was put and deleted again leaves no trace, where it is known that it was not there before.</summary>
    private bool IsKnownAbsent(ReadOnlySpan<byte> key, int hash, in Overlay.Change change) =>
        change.Kind == Overlay.ChangeKind.Deleted && _buffer.Find(key, hash).Kind == Overlay.ChangeKind.None && _cache.TryGet(key, hash, out var stored) && stored is null;

    private void Flush()
    {
        WriteBuffer();
        RocksNative.Flush(_database, _flushOptions, out var error);
        RocksError.ThrowIfAny(error, $"flush store {_directory}");
    }

    private void Checkpoint(string directory)
    {
        var operation = $"write checkpoint {directory} of store {_directory}";
        WriteBuffer();
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
