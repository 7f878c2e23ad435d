using Delos.Runtime;

namespace Delos.LocalStorage.Rocks;

/// <summary>A walk over a snapshot. The iterator keeps to the bounds. Keys and values that are asked for are copied: where they lie, in the library's memory, nothing would keep them for a caller that has let go of the cursor.</summary>
internal sealed class RocksCursor(IteratorHandle iterator, bool reverse) : IStoreCursor
{
    private const int NotCopied = -1;

    private byte[] _key = [];
    private byte[] _value = [];
    private int _keyLength = NotCopied;
    private int _valueLength = NotCopied;
    private bool _begun;
    private bool _isOnKey;

    public ReadOnlySpan<byte> Key
    {
        get
        {
            if (!_isOnKey) throw NotOnKey();
            if (_keyLength == NotCopied) _keyLength = Copy(iterator.Key, ref _key);
            GC.KeepAlive(iterator);
            return _key.AsSpan(1, _keyLength - 1);
        }
    }

    public ReadOnlySpan<byte> Value
    {
        get
        {
            if (!_isOnKey) throw NotOnKey();
            if (_valueLength == NotCopied) _valueLength = Copy(iterator.Value, ref _value);
            GC.KeepAlive(iterator);
            return _value.AsSpan(0, _valueLength);
        }
    }

    public bool MoveNext()
    {
        ObjectDisposedException.ThrowIf(iterator.IsClosed, this);
        if (_begun && !_isOnKey) return false;
        _keyLength = _valueLength = NotCopied;
        if (!_begun)
        {
            if (reverse) iterator.SeekToLast();
            else iterator.SeekToFirst();
        }
        else if (reverse)
        {
            iterator.Previous();
        }
        else
        {
            iterator.Next();
        }

        _begun = true;
        _isOnKey = iterator.IsValid;
        if (!_isOnKey) iterator.ThrowIfFailed();
        return _isOnKey;
    }

    public void Dispose()
    {
        _isOnKey = false;
        iterator.Dispose();
    }

    private static int Copy(ReadOnlySpan<byte> bytes, ref byte[] room)
    {
        if (room.Length < bytes.Length) room = GC.AllocateUninitializedArray<byte>(Math.Max(bytes.Length, Math.Min(2 * room.Length, Array.MaxLength)));
        bytes.CopyTo(room);
        return bytes.Length;
    }

    private static InvalidOperationException NotOnKey() => new("The cursor is not on a key.");
}
