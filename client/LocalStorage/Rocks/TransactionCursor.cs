using Delos.Runtime;

namespace Delos.LocalStorage.Rocks;

/// <summary>
/// A walk over the database as it is with a transaction's changes. The transaction may change between two moves, even the very key that the cursor is on; RocksDB's iterator does not survive that, so key and value are copied, and
/// after a change the place is looked for again.
/// </summary>
internal sealed class TransactionCursor(RocksTransaction transaction, ReadOptionsHandle options, bool reverse) : IStoreCursor
{
    private IteratorHandle? _iterator;
    private long _version;
    private int _indexVersion;
    private byte[] _copy = [];
    private int _keyLength;
    private int _length;
    private bool _begun;
    private bool _isOnKey;

    public ReadOnlySpan<byte> Key => StoredKey[1..];

    public ReadOnlySpan<byte> Value => _isOnKey ? _copy.AsSpan(_keyLength, _length - _keyLength) : throw NotOnKey();

    private ReadOnlySpan<byte> StoredKey => _isOnKey ? _copy.AsSpan(0, _keyLength) : throw NotOnKey();

    public bool MoveNext()
    {
        transaction.ThrowIfEnded();
        ObjectDisposedException.ThrowIf(options.IsClosed, this);
        if (_begun && !_isOnKey) return false;
        var iterator = Move();
        _begun = true;
        _isOnKey = false;
        if (!iterator.IsValid)
        {
            iterator.ThrowIfFailed();
            return false;
        }

        var key = iterator.Key;
        if (reverse ? key.SequenceCompareTo(options.Lower) < 0 : key.SequenceCompareTo(options.Upper) >= 0) return false;
        Copy(key, iterator.Value);
        _isOnKey = true;
        return true;
    }

    public void Dispose()
    {
        _isOnKey = false;
        _iterator?.Dispose();
        options.Dispose();
    }

    private IteratorHandle Move()
    {
        if (_indexVersion != transaction.IndexVersion)
        {
            _iterator?.Dispose();
            _iterator = null;
        }

        var iterator = _iterator ??= transaction.Iterate(options);
        if (!_begun) SeekBegin(iterator);
        else if (_version != transaction.Version) SeekBehind(iterator, StoredKey);
        else Step(iterator);
        _version = transaction.Version;
        _indexVersion = transaction.IndexVersion;
        return iterator;
    }

    private void SeekBegin(IteratorHandle iterator)
    {
        if (reverse) SeekBehind(iterator, options.Upper);
        else iterator.Seek(options.Lower);
    }

    private void SeekBehind(IteratorHandle iterator, ReadOnlySpan<byte> key)
    {
        if (reverse) iterator.SeekForPrevious(key);
        else iterator.Seek(key);
        if (iterator.IsValid && iterator.Key.SequenceEqual(key)) Step(iterator);
    }

    private void Step(IteratorHandle iterator)
    {
        if (reverse) iterator.Previous();
        else iterator.Next();
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
