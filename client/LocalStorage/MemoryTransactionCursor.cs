using Delos.Runtime;

namespace Delos.LocalStorage;

/// <summary>Walks over a <see cref="MemoryTransaction"/>: after a change it goes on behind the key that it is on, in the state as changed.</summary>
internal sealed class MemoryTransactionCursor(MemoryTransaction transaction, StoreSpace space, byte[] from, byte[] to, bool reverse) : IStoreCursor
{
    private MemoryState? _state;
    private IStoreCursor? _rest;
    private bool _isOnKey;

    public ReadOnlySpan<byte> Key => _isOnKey ? _rest!.Key : throw new InvalidOperationException("The cursor is not on a key.");

    public ReadOnlySpan<byte> Value => _isOnKey ? _rest!.Value : throw new InvalidOperationException("The cursor is not on a key.");

    public bool MoveNext()
    {
        transaction.ThrowIfEnded();
        if (_rest is not null && !_isOnKey) return false;
        if (_state != transaction.State)
        {
            _rest = Rest(transaction.State);
            _state = transaction.State;
        }

        return _isOnKey = _rest!.MoveNext();
    }

    public void Dispose()
    {
    }

    private IStoreCursor Rest(MemoryState state)
    {
        if (_rest is null) return state.Scan(space, from, to, reverse);

        // The very next key is this one with a zero behind it. In front of the empty key there is nothing, and as a bound it would mean none.
        if (!reverse) return state.Scan(space, [.. Key, 0], to);
        return Key.IsEmpty ? MemoryState.Empty.Scan(space, [], []) : state.Scan(space, from, Key, reverse: true);
    }
}
