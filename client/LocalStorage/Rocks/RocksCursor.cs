using Delos.Runtime;

namespace Delos.LocalStorage.Rocks;

/// <summary>A walk over a snapshot. The iterator keeps to the bounds; keys and values are shown where they lie, in the library's memory.</summary>
internal sealed class RocksCursor(IteratorHandle iterator, bool reverse) : IStoreCursor
{
    private bool _begun;
    private bool _isOnKey;

    public ReadOnlySpan<byte> Key => _isOnKey ? iterator.Key[1..] : throw NotOnKey();

    public ReadOnlySpan<byte> Value => _isOnKey ? iterator.Value : throw NotOnKey();

    public bool MoveNext()
    {
        ObjectDisposedException.ThrowIf(iterator.IsClosed, this);
        if (_begun && !_isOnKey) return false;
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

    private static InvalidOperationException NotOnKey() => new("The cursor is not on a key.");
}
