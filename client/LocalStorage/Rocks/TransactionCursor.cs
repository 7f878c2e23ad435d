using Delos.Runtime;

namespace Delos.LocalStorage.Rocks;

/// <summary>
/// A walk over the database as it is with a transaction's changes: two walks in one, over the keys of the database, which stay as they are while the transaction lasts, and over those that were changed, of which the next one is looked for
/// at every move. The transaction may change in between, even the very key that the cursor is on, so key and value are copied.
/// </summary>
/// <param name="transaction">Whose.</param>
/// <param name="database">What it changes.</param>
/// <param name="overlay">Its changes.</param>
/// <param name="options">With the bounds; the cursor's own.</param>
/// <param name="unwritten">Before it, in the order of keys, the database has all that was committed; null: everywhere. Never with <paramref name="reverse"/>.</param>
/// <param name="reverse">Highest first.</param>
internal sealed class TransactionCursor(RocksTransaction transaction, DatabaseHandle database, Overlay overlay, ReadOptionsHandle options, byte[]? unwritten, bool reverse) : IStoreCursor
{
    private IteratorHandle? _iterator;
    private byte[]? _unwritten = unwritten;
    private bool _isPassed;
    private byte[] _copy = [];
    private int _keyLength;
    private int _length;
    private bool _isOnKey;
    private bool _hasEnded;

    public ReadOnlySpan<byte> Key => _isOnKey ? StoredKey[1..] : throw NotOnKey();

    public ReadOnlySpan<byte> Value => _isOnKey ? _copy.AsSpan(_keyLength, _length - _keyLength) : throw NotOnKey();

    /// <summary>The last key that was shown, or was passed over since it is deleted.</summary>
    private ReadOnlySpan<byte> StoredKey => _copy.AsSpan(0, _keyLength);

    public bool MoveNext()
    {
        transaction.ThrowIfEnded();
        ObjectDisposedException.ThrowIf(options.IsClosed, this);
        _isOnKey = false;
        while (!_hasEnded && !_isOnKey) Step();
        return _isOnKey;
    }

    public void Dispose()
    {
        _isOnKey = false;
        _iterator?.Dispose();
        options.Dispose();
    }

    /// <summary>To the next key that either walk has; it is shown, unless it is deleted.</summary>
    private void Step()
    {
        var changed = NextChanged(out var change);
        var iterator = MoveIterator();
        var hasStored = iterator.IsValid;
        if (!hasStored) iterator.ThrowIfFailed();
        if (changed is null)
        {
            if (hasStored) ShowStored(iterator);
            else _hasEnded = true;
            return;
        }

        var order = hasStored ? iterator.Key.SequenceCompareTo(changed) : 0;
        if (hasStored && order != 0 && order < 0 != reverse)
        {
            ShowStored(iterator);
            return;
        }

        // What was changed hides what is stored.
        _isPassed = hasStored && order == 0;
        Copy(changed, overlay.ValueOf(change));
        _isOnKey = change.Kind == ChangeKind.Put;
    }

    private void ShowStored(IteratorHandle iterator)
    {
        Copy(iterator.Key, iterator.Value);
        _isPassed = _isOnKey = true;
    }

    /// <summary>To the first key of the database that was not passed.</summary>
    private IteratorHandle MoveIterator()
    {
        if (_iterator is null)
        {
            _iterator = new IteratorHandle(database, options);
            if (reverse) _iterator.SeekToLast();
            else _iterator.SeekToFirst();
        }
        else if (_isPassed)
        {
            if (reverse) _iterator.Previous();
            else _iterator.Next();
        }

        _isPassed = false;
        if (_unwritten is not null && (!_iterator.IsValid || _iterator.Key.SequenceCompareTo(_unwritten) >= 0)) _iterator = MoveWritten(_iterator);
        return _iterator;
    }

    /// <summary>Has written what was committed, and goes to the first key that was not passed with it.</summary>
    private IteratorHandle MoveWritten(IteratorHandle former)
    {
        if (!former.IsValid) former.ThrowIfFailed();
        transaction.WriteCommitted();
        _unwritten = null;
        var iterator = new IteratorHandle(database, options);
        former.Dispose();
        if (_keyLength == 0)
        {
            iterator.SeekToFirst();
            return iterator;
        }

        iterator.Seek(StoredKey);
        if (iterator.IsValid && iterator.Key.SequenceEqual(StoredKey)) iterator.Next();
        return iterator;
    }

    private byte[]? NextChanged(out PackedTable.Change change)
    {
        byte[]? key;
        if (reverse)
        {
            key = overlay.LastBelow(_keyLength == 0 ? options.Upper : StoredKey, out change);
            return key is not null && key.AsSpan().SequenceCompareTo(options.Lower) >= 0 ? key : null;
        }

        key = _keyLength == 0 ? overlay.FirstFrom(options.Lower, out change) : overlay.FirstAbove(StoredKey, out change);
        return key is not null && key.AsSpan().SequenceCompareTo(options.Upper) < 0 ? key : null;
    }

    private void Copy(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        _keyLength = key.Length;
        _length = key.Length + value.Length;
        if (_copy.Length < _length) _copy = GC.AllocateUninitializedArray<byte>(Math.Max(_length, Math.Min(2 * _copy.Length, Array.MaxLength)));
        key.CopyTo(_copy);
        value.CopyTo(_copy.AsSpan(_keyLength));
    }

    private static InvalidOperationException NotOnKey() => new("The cursor is not on a key.");
}
