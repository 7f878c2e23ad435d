using System.Buffers;

namespace Delos.Protocol.Blocks;

/// <summary>
/// Makes blocks and keeps a bounded number of free ones, the most recently used on top (their bytes are still in the processor's cache).
/// Thread-safe. How many blocks live is bounded by what their holders are allowed to queue, not by the pool.
/// </summary>
public sealed class BlockPool : MemoryPool<byte>
{
    /// <summary>Free blocks that a pool keeps unless told otherwise: 64 MiB.</summary>
    public const int DefaultFreeBlocks = 1024;

    private readonly Lock _lock = new();
    private readonly Block[] _free;
    private int _freeCount;
    private long _live;

    public BlockPool(int maxFreeBlocks = DefaultFreeBlocks)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxFreeBlocks);
        _free = new Block[maxFreeBlocks];
    }

    /// <summary>The pool of the process.</summary>
    public static new BlockPool Shared { get; } = new();

    /// <summary>Blocks that somebody holds now; for tests of leaks and for metrics.</summary>
    public long LiveBlocks => Interlocked.Read(ref _live);

    public override int MaxBufferSize => Block.Size;

    /// <summary>A block with one reference, the caller's. Its bytes are whatever was there before.</summary>
    public Block Take()
    {
        Interlocked.Increment(ref _live);
        Block? block = null;
        lock (_lock)
        {
            if (_freeCount > 0) block = _free[--_freeCount];
        }

        block ??= new Block(this);
        block.Rent();
        return block;
    }

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, Block.Size);
        return Take();
    }

    internal void Return(Block block)
    {
        Interlocked.Decrement(ref _live);
        lock (_lock)
        {
            if (_freeCount < _free.Length) _free[_freeCount++] = block;
        }
    }

    protected override void Dispose(bool disposing)
    {
    }
}
