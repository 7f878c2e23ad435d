namespace Delos.Runtime;

/// <summary>Sorted bytes: keys compare as unsigned byte strings, within one <see cref="StoreSpace"/>.</summary>
public interface IStoreReader
{
    /// <summary>The value, which the caller owns; null: there is no such key.</summary>
    byte[]? Get(StoreSpace space, ReadOnlySpan<byte> key);

    /// <summary>The keys of [from, to) in order, lowest first or, if <paramref name="reverse"/>, highest first.</summary>
    /// <param name="space">Where.</param>
    /// <param name="from">First key wanted; empty: from the very first.</param>
    /// <param name="to">First key not wanted; empty: to the very last.</param>
    /// <param name="reverse">Highest first.</param>
    IStoreCursor Scan(StoreSpace space, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool reverse = false);
}

/// <summary>A walk over keys in order. Begins in front of the first. Not thread-safe; to be disposed before its reader.</summary>
public interface IStoreCursor : IDisposable
{
    /// <summary>Goes to the next key. False: there is none; the cursor is at its end for good.</summary>
    bool MoveNext();

    /// <summary>Valid until the next move.</summary>
    /// <exception cref="InvalidOperationException">The cursor has not moved yet, or is at its end.</exception>
    ReadOnlySpan<byte> Key { get; }

    /// <summary>Valid until the next move.</summary>
    ReadOnlySpan<byte> Value { get; }
}

/// <summary>Separate key spaces of one store, which commit together. On disk: values never change.</summary>
public enum StoreSpace : byte
{
    /// <summary>The runtime's own: cursor, sessions, replicas. Not for state machines.</summary>
    Runtime = 0,

    /// <summary>What the application keeps: the main one of the three it may use as it likes.</summary>
    Data = 1,

    /// <summary>A second one, by custom what can be derived from the first.</summary>
    Index = 2,

    /// <summary>A third one, by custom what describes the others.</summary>
    Meta = 3,
}
