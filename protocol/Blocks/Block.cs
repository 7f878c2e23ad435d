using System.Buffers;
using System.Runtime.InteropServices;

namespace Delos.Protocol.Blocks;

/// <summary>
/// One pinned, reference-counted buffer of 64 KiB. Bytes received into a block are forwarded from that very block: whoever still needs
/// them holds a reference, and the last <see cref="Release"/> gives the block back to its pool. Reference counting is thread-safe; the bytes are not guarded.
/// </summary>
public sealed class Block : MemoryManager<byte>
{
    /// <summary>Bytes in every block.</summary>
    public const int Size = 64 * 1024;

    private readonly BlockPool _pool;
    private int _references;

    internal Block(BlockPool pool)
    {
        _pool = pool;
        Array = GC.AllocateUninitializedArray<byte>(Size, pinned: true);
    }

    /// <summary>The pinned bytes.</summary>
    public byte[] Array { get; }

    /// <summary>How many hold the block. Only "1, and that one is me" is a stable answer.</summary>
    public int References => Volatile.Read(ref _references);

    public ArraySegment<byte> Segment(int offset, int length) => new(Array, offset, length);

    /// <summary>Adds a reference; the caller must hold one, or own something that does.</summary>
    public void Retain()
    {
        if (Interlocked.Increment(ref _references) <= 1) throw new InvalidOperationException("A block was retained after its last release.");
    }

    /// <summary>Gives up one reference; with the last one the block returns to its pool and may be overwritten.</summary>
    public void Release()
    {
        var left = Interlocked.Decrement(ref _references);
        if (left < 0) throw new InvalidOperationException("A block was released more often than retained.");
        if (left == 0) _pool.Return(this);
    }

    internal void Rent() => Volatile.Write(ref _references, 1);

    public override Span<byte> GetSpan() => Array;

    public override unsafe MemoryHandle Pin(int elementIndex = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)elementIndex, (uint)Size, nameof(elementIndex));
        return new MemoryHandle((byte*)Marshal.UnsafeAddrOfPinnedArrayElement(Array, 0) + elementIndex);
    }

    public override void Unpin()
    {
    }

    protected override bool TryGetArray(out ArraySegment<byte> segment)
    {
        segment = new ArraySegment<byte>(Array);
        return true;
    }

    /// <summary>The memory owner's way (a Pipe's, for instance) of giving up its reference.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing) Release();
    }
}
