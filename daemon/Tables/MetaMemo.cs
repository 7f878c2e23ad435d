using Delos.Runtime;

namespace Delos.Daemon.Tables;

/// <summary>
/// A snapshot that remembers what it was asked for in the space that describes the others: all requests that it answers ask there for the same clock, table and schema, and the engine takes longer to answer than all else together.
/// Thread-safe, as the snapshot.
/// </summary>
internal sealed class MetaMemo(IStoreReader store) : IStoreReader
{
    /// <summary>More are not remembered: requests for a great many tables share little.</summary>
    private const int Most = 16;

    private volatile Known[] _known = [];

    public byte[]? Get(StoreSpace space, ReadOnlySpan<byte> key)
    {
        if (space != StoreSpace.Meta) return store.Get(space, key);
        var known = _known;
        foreach (var one in known)
        {
            // What is given out is the caller's own.
            if (key.SequenceEqual(one.Key)) return one.Value?.AsSpan().ToArray();
        }

        var value = store.Get(space, key);

        // Of two that are added at once, one is forgotten, and asked for again.
        if (known.Length < Most) _known = [.. known, new Known(key.ToArray(), value?.AsSpan().ToArray())];
        return value;
    }

    public IStoreCursor Scan(StoreSpace space, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool reverse = false) => store.Scan(space, from, to, reverse);

    private readonly record struct Known(byte[] Key, byte[]? Value);
}
