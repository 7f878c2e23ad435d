using System.Buffers;
using Delos.Runtime;

namespace Delos.LocalStorage.Rocks;

/// <summary>
/// A key as the database holds it: the number of its space, then the key. On disk: never changes. All spaces share one column family, because then one memtable and one file hold what one commit wrote, and nothing can make one space
/// durable without the others: with several, it takes a flush of all of them at once, which the C interface of RocksDB 7.8 does not offer.
/// </summary>
internal ref struct SpaceKey
{
    /// <summary>How much room to give it on the stack: longer keys go to a pooled array.</summary>
    public const int StackBytes = 128;

    private byte[]? _rented;

    public SpaceKey(StoreSpace space, ReadOnlySpan<byte> key, Span<byte> stack)
    {
        var length = key.Length + 1;
        if (length > stack.Length) stack = _rented = ArrayPool<byte>.Shared.Rent(length);
        stack[0] = (byte)space;
        key.CopyTo(stack[1..]);
        Bytes = stack[..length];
    }

    public ReadOnlySpan<byte> Bytes { get; }

    public void Dispose()
    {
        if (_rented is { } rented) ArrayPool<byte>.Shared.Return(rented);
        _rented = null;
    }
}
