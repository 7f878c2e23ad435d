namespace Delos.LocalStorage.Rocks;

/// <summary>
/// What was committed and is still to be given to the database, in two buffers: commits fill one; when it is full, a thread of its own gives it to the database, while commits go on with the other. So no commit waits for the library unless it is
/// slower than they are, and its work can be done while whoever commits waits for something else. The database gets them one after the other, each at once: it is always in the state after some commit. Thread-safe, but for what the one
/// transaction at a time does: <see cref="Commit"/>, <see cref="Find"/>, <see cref="FindFull"/> and <see cref="FirstUnwritten"/>.
/// </summary>
/// <param name="cache">Kept true about what was committed.</param>
/// <param name="mostBytes">Of a buffer; the changes of one commit may come on top.</param>
/// <param name="write">Gives a buffer to the database. Not called twice at a time.</param>
internal sealed class CommitBuffers(ReadCache cache, long mostBytes, Action<CommitBuffer> write)
{
    /// <summary>A reader needs all that was committed, and waits until it is given to the database: of buffers that fill between two readers, he is left a fraction of the most.</summary>
    private const int FractionForReaders = 8;

    // Held while something is committed, and while somebody gives buffers to the database or waits for the thread that does. That one does not hold it: whoever writes, or changes the full buffer, waits for its end first.
    private readonly Lock _lock = new();

    // Only a commit changes and swaps them. A transaction reads them without the lock, since it is in the way of no other commit.
    private CommitBuffer _filling = new();
    private CommitBuffer _full = new();
    private Task _writing = Task.CompletedTask;
    private long _limit = FirstLimit(mostBytes);
    private volatile bool _hasFailed;
    private volatile bool _isClosed;

    /// <summary>Nothing can be committed or written any more.</summary>
    public bool IsClosed => _isClosed;

    /// <summary>What became of a key by the last commits; <see cref="ChangeKind.None"/>: what the cache says, if it knows the key, else what <see cref="FindFull"/> says.</summary>
    /// <param name="key">To look for.</param>
    /// <param name="hash">Of the key.</param>
    /// <param name="value">If it was put. Valid until the next commit.</param>
    public ChangeKind Find(scoped ReadOnlySpan<byte> key, int hash, out ReadOnlySpan<byte> value) => _filling.Find(key, hash, out value);

    /// <summary>What became of a key by commits before those; <see cref="ChangeKind.None"/>: nothing that the database does not have. To be asked when the cache does not know the key: it may know of later commits.</summary>
    /// <param name="key">To look for.</param>
    /// <param name="hash">Of the key.</param>
    /// <param name="value">If it was put. Valid until the next commit.</param>
    public ChangeKind FindFull(scoped ReadOnlySpan<byte> key, int hash, out ReadOnlySpan<byte> value)
    {
        value = default;
        return _full.IsWritten ? ChangeKind.None : _full.Find(key, hash, out value);
    }

    /// <summary>The lowest key in [lower, upper) about which the database may not have what was committed; null: there is none.</summary>
    public byte[]? FirstUnwritten(ReadOnlySpan<byte> lower, ReadOnlySpan<byte> upper)
    {
        var full = _full.IsWritten ? null : _full.FirstOf(lower, upper);
        var filling = _filling.IsWritten ? null : _filling.FirstOf(lower, upper);
        return full is null || (filling is not null && filling.AsSpan().SequenceCompareTo(full) < 0) ? filling : full;
    }

    /// <summary>Takes over what a transaction changed; if that throws, nothing of it.</summary>
    /// <exception cref="StoreException">The disk failed: what was committed before cannot be given to the database.</exception>
    public void Commit(Overlay overlay)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isClosed, typeof(RocksStore));

            // A disk that failed a reader, or the thread, is told of here before more is promised.
            if (_hasFailed)
            {
                WriteBoth();
                _hasFailed = false;
            }

            if (mostBytes == 0) WriteBoth();
            if (_filling.IsWritten) _filling.MoveTo(cache);
            else if (_filling.Bytes >= _limit) HandOver();

            var (keys, bytes) = (0, 0L);
            for (var i = 0; i < overlay.Count; i++)
            {
                if (overlay[i].Kind != ChangeKind.None) (keys, bytes) = (keys + 1, bytes + overlay.KeyAt(i).Length + overlay[i].Length);
            }

            _filling.MakeRoom(keys, bytes);

            // From here on nothing can fail: half of a commit must never be written.
            for (var i = 0; i < overlay.Count; i++)
            {
                var key = overlay.KeyAt(i);
                var (hash, kind) = (overlay.HashAt(i), overlay[i].Kind);
                if (kind != ChangeKind.None && !(kind == ChangeKind.Deleted && IsKnownAbsent(key, hash))) _filling.Set(key, hash, kind, overlay.ValueAt(i));
            }
        }
    }

    /// <summary>Gives to the database what was committed so far.</summary>
    /// <param name="isForReader">Who waits for it, and will not for long the next time.</param>
    /// <exception cref="StoreException">The disk failed. Whether it was written is not known; the next call tries again.</exception>
    public void Write(bool isForReader)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isClosed, typeof(RocksStore));
            if (isForReader && !_filling.IsWritten) _limit = FirstLimit(mostBytes);
            WriteBoth();
        }
    }

    /// <summary>Writes what the disk lets it, and nothing any more afterwards.</summary>
    /// <returns>False: it was closed before.</returns>
    public bool Close()
    {
        lock (_lock)
        {
            if (_isClosed) return false;
            try
            {
                WriteBoth();
            }
            catch (StoreException)
            {
                // As after a crash: the log has it.
            }

            return _isClosed = true;
        }
    }

    /// <summary>The other buffer may be on its way to the database still: then this waits for it.</summary>
    private void HandOver()
    {
        WriteFull();

        // First what can fail, and may be done again: until the buffers are swapped, this one is asked before the cache.
        _filling.CopyTo(cache);
        _full.Clear();
        (_filling, _full) = (_full, _filling);
        _limit = Math.Min(mostBytes, 2 * _limit);
        try
        {
            _writing = Task.Factory.StartNew(TryWriteFull, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
        catch (TaskSchedulerException)
        {
            // There is no further thread: whoever needs the buffer next writes it.
        }
    }

    private void TryWriteFull()
    {
        try
        {
            Write(_full);
        }
        catch (Exception)
        {
            // Whatever it is: who commits or reads next tries again, and is told.
        }
    }

    private void WriteBoth()
    {
        WriteFull();
        if (!_filling.IsWritten) Write(_filling);
    }

    private void WriteFull()
    {
        _writing.GetAwaiter().GetResult();
        if (!_full.IsWritten) Write(_full);
    }

    private void Write(CommitBuffer buffer)
    {
        try
        {
            write(buffer);
            buffer.IsWritten = true;
        }
        catch
        {
            _hasFailed = true;
            throw;
        }
    }

    /// <summary>What was put and deleted again leaves no trace where it is known that it was not there before.</summary>
    private bool IsKnownAbsent(ReadOnlySpan<byte> key, int hash) => _filling.Find(key, hash, out _) == ChangeKind.None && cache.IsKnownAbsent(key, hash);

    private static long FirstLimit(long mostBytes) => Math.Max(1, mostBytes / FractionForReaders);
}
