using System.Collections.Immutable;
using Delos.Runtime;

namespace Delos.LocalStorage;

/// <summary>Walks over one space of a <see cref="MemoryState"/>, by index: the tree finds the n-th pair in logarithmic time.</summary>
internal sealed class MemoryCursor(ImmutableSortedSet<StoredPair> pairs, int first, int end, bool reverse) : IStoreCursor
{
    private int _moves;
    private StoredPair? _current;

    public ReadOnlySpan<byte> Key => Current.Key;

    public ReadOnlySpan<byte> Value => Current.Value;

    private StoredPair Current => _current ?? throw new InvalidOperationException("The cursor is not on a key.");

    public bool MoveNext()
    {
        if (_moves >= end - first)
        {
            _current = null;
            return false;
        }

        _current = pairs[reverse ? end - 1 - _moves : first + _moves];
        _moves++;
        return true;
    }

    public void Dispose()
    {
    }
}
