using System.Collections.Immutable;
using Delos.Runtime;

namespace Delos.LocalStorage;

/// <summary>All spaces of a <see cref="MemoryStore"/> at one moment. Immutable.</summary>
internal sealed class MemoryState : IStoreReader
{
    private readonly ImmutableArray<ImmutableSortedSet<StoredPair>> _spaces;

    private MemoryState(ImmutableArray<ImmutableSortedSet<StoredPair>> spaces) => _spaces = spaces;

    public static MemoryState Empty { get; } = new([.. Enum.GetValues<StoreSpace>().Select(static _ => ImmutableSortedSet.Create(StoredPair.ByKey))]);

    public ImmutableSortedSet<StoredPair> this[StoreSpace space] => _spaces[(int)space];

    public MemoryState With(StoreSpace space, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var pair = new StoredPair(key.ToArray(), value.ToArray());
        return new MemoryState(_spaces.SetItem((int)space, this[space].Remove(pair).Add(pair)));
    }

    public MemoryState Without(StoreSpace space, ReadOnlySpan<byte> key) => new(_spaces.SetItem((int)space, this[space].Remove(new StoredPair(key.ToArray(), []))));

    public byte[]? Get(StoreSpace space, ReadOnlySpan<byte> key) => this[space].TryGetValue(new StoredPair(key.ToArray(), []), out var found) && found.Key.AsSpan().SequenceEqual(key) ? [.. found.Value] : null;

    public IStoreCursor Scan(StoreSpace space, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool reverse = false)
    {
        var pairs = this[space];
        var first = IndexOf(pairs, from);
        var end = to.IsEmpty ? pairs.Count : IndexOf(pairs, to);
        return new MemoryCursor(pairs, first, Math.Max(first, end), reverse);
    }

    /// <summary>Of the first pair that is not below the key.</summary>
    private static int IndexOf(ImmutableSortedSet<StoredPair> pairs, ReadOnlySpan<byte> key)
    {
        var index = pairs.IndexOf(new StoredPair(key.ToArray(), []));
        return index >= 0 ? index : ~index;
    }
}
