using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.Extensions.ObjectPool;

namespace Delos.Protocol.Blocks;

/// <summary>
/// Bytes kept alive where they were received: a reference-counted list of pieces of blocks. Pooled, so the object and its list cost nothing in steady state.
/// <see cref="Retain"/> and <see cref="Release"/> are thread-safe; filling it (<see cref="Append(in ReadOnlySequence{byte})"/>) belongs to its creator, before it is shared.
/// </summary>
public sealed class RetainedPayload
{
    private const int MaxPooledPieces = 1024;

    private static readonly ObjectPool<RetainedPayload> s_pool = new DefaultObjectPool<RetainedPayload>(new Policy(), maximumRetained: 8192);

    private Piece[] _pieces = new Piece[2];
    private SequenceNode[] _nodes = [];
    private int _references;

    private RetainedPayload()
    {
    }

    /// <summary>Bytes in all pieces.</summary>
    public int Length { get; private set; }

    public int SegmentCount { get; private set; }

    /// <summary>An empty payload to append to, with one reference, the caller's.</summary>
    public static RetainedPayload Create()
    {
        var payload = s_pool.Get();
        Volatile.Write(ref payload._references, 1);
        return payload;
    }

    /// <summary>Keeps the blocks of <paramref name="bytes"/> alive; bytes that are not in blocks are copied into blocks of the shared pool.</summary>
    public static RetainedPayload Create(in ReadOnlySequence<byte> bytes)
    {
        var payload = Create();
        payload.Append(bytes);
        return payload;
    }

    /// <summary>A copy of <paramref name="bytes"/> in blocks of its own: a whole block even for a few bytes, so meant for larger or short-lived payloads (see <see cref="PayloadArena"/>).</summary>
    public static RetainedPayload Copy(ReadOnlySpan<byte> bytes)
    {
        var payload = Create();
        payload.AppendCopy(bytes);
        return payload;
    }

    /// <summary>Adds further bytes behind those that are there, by reference where they lie in blocks.</summary>
    public void Append(in ReadOnlySequence<byte> bytes)
    {
        if (bytes.IsSingleSegment)
        {
            Append(bytes.First);
            return;
        }

        foreach (var memory in bytes) Append(memory);
    }

    /// <inheritdoc cref="Append(in ReadOnlySequence{byte})"/>
    public void Append(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.IsEmpty) return;
        if (MemoryMarshal.TryGetMemoryManager<byte, Block>(bytes, out var block, out var offset, out var length)) Append(block, offset, length);
        else AppendCopy(bytes.Span);
    }

    /// <summary>Adds a piece of a block and a reference to it.</summary>
    public void Append(Block block, int offset, int length)
    {
        ArgumentNullException.ThrowIfNull(block);
        if ((uint)offset > Block.Size || (uint)length > (uint)(Block.Size - offset)) throw new ArgumentOutOfRangeException(nameof(length));
        if (length == 0) return;
        var newLength = checked(Length + length);
        if (SegmentCount > 0)
        {
            ref var last = ref _pieces[SegmentCount - 1];
            if (last.Block == block && last.Offset + last.Length == offset)
            {
                last = last with { Length = last.Length + length };
                Length = newLength;
                return;
            }
        }

        if (SegmentCount == _pieces.Length) System.Array.Resize(ref _pieces, _pieces.Length * 2);
        block.Retain();
        _pieces[SegmentCount++] = new Piece(block, offset, length);
        Length = newLength;
    }

    /// <summary>Adds all bytes of another payload, by reference.</summary>
    public void Append(RetainedPayload other)
    {
        ArgumentNullException.ThrowIfNull(other);
        for (var i = 0; i < other.SegmentCount; i++)
        {
            var piece = other._pieces[i];
            Append(piece.Block, piece.Offset, piece.Length);
        }
    }

    private void AppendCopy(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var block = BlockPool.Shared.Take();
            var length = Math.Min(bytes.Length, Block.Size);
            bytes[..length].CopyTo(block.Array);
            Append(block, 0, length);
            block.Release();
            bytes = bytes[length..];
        }
    }

    public ReadOnlyMemory<byte> GetSegment(int index) => Get(index).Block.Memory.Slice(_pieces[index].Offset, _pieces[index].Length);

    public ReadOnlySpan<byte> GetSpan(int index)
    {
        var piece = Get(index);
        return piece.Block.Array.AsSpan(piece.Offset, piece.Length);
    }

    internal ArraySegment<byte> GetArraySegment(int index)
    {
        var piece = Get(index);
        return piece.Block.Segment(piece.Offset, piece.Length);
    }

    internal Block GetBlock(int index) => Get(index).Block;

    /// <summary>The bytes as a sequence; valid while a reference is held. Not to be called by two threads at once.</summary>
    public ReadOnlySequence<byte> AsSequence()
    {
        if (SegmentCount == 0) return ReadOnlySequence<byte>.Empty;
        if (SegmentCount == 1) return new ReadOnlySequence<byte>(GetSegment(0));
        if (_nodes.Length < SegmentCount)
        {
            var had = _nodes.Length;
            System.Array.Resize(ref _nodes, _pieces.Length);
            for (var i = had; i < _nodes.Length; i++) _nodes[i] = new SequenceNode();
        }

        long index = 0;
        for (var i = 0; i < SegmentCount; i++)
        {
            _nodes[i].Set(GetSegment(i), index, i + 1 < SegmentCount ? _nodes[i + 1] : null);
            index += _pieces[i].Length;
        }

        return new ReadOnlySequence<byte>(_nodes[0], 0, _nodes[SegmentCount - 1], _pieces[SegmentCount - 1].Length);
    }

    public void CopyTo(Span<byte> destination)
    {
        for (var i = 0; i < SegmentCount; i++)
        {
            var span = GetSpan(i);
            span.CopyTo(destination);
            destination = destination[span.Length..];
        }
    }

    /// <summary>A payload of its own, with own references, over a part of this one.</summary>
    public RetainedPayload Slice(int offset, int length)
    {
        if ((uint)offset > (uint)Length || (uint)length > (uint)(Length - offset)) throw new ArgumentOutOfRangeException(nameof(length));
        var slice = Create();
        for (var i = 0; i < SegmentCount && length > 0; i++)
        {
            var piece = _pieces[i];
            if (offset >= piece.Length)
            {
                offset -= piece.Length;
                continue;
            }

            var taken = Math.Min(length, piece.Length - offset);
            slice.Append(piece.Block, piece.Offset + offset, taken);
            length -= taken;
            offset = 0;
        }

        return slice;
    }

    /// <summary>Adds a reference to the whole payload.</summary>
    public void Retain()
    {
        if (Interlocked.Increment(ref _references) <= 1) throw new InvalidOperationException("A payload was retained after its last release.");
    }

    /// <summary>Gives up one reference; the last one releases the blocks and the object, which must not be touched afterwards.</summary>
    public void Release()
    {
        var left = Interlocked.Decrement(ref _references);
        if (left < 0) throw new InvalidOperationException("A payload was released more often than retained.");
        if (left > 0) return;
        ReleasePieces();
        s_pool.Return(this);
    }

    /// <summary>Empties the payload for its creator's next use, if nobody else holds a reference; else the creator releases it as ever. True: it is empty, and its one reference still the creator's.</summary>
    public bool TryReset()
    {
        if (Volatile.Read(ref _references) != 1 || _pieces.Length > MaxPooledPieces) return false;
        ReleasePieces();
        return true;
    }

    private void ReleasePieces()
    {
        for (var i = 0; i < SegmentCount; i++)
        {
            _pieces[i].Block.Release();
            _pieces[i] = default;
        }

        for (var i = 0; i < Math.Min(SegmentCount, _nodes.Length); i++) _nodes[i].Set(default, 0, null);
        SegmentCount = 0;
        Length = 0;
    }

    private Piece Get(int index)
    {
        if ((uint)index >= (uint)SegmentCount) throw new ArgumentOutOfRangeException(nameof(index));
        return _pieces[index];
    }

    private readonly record struct Piece(Block Block, int Offset, int Length);

    private sealed class SequenceNode : ReadOnlySequenceSegment<byte>
    {
        public void Set(ReadOnlyMemory<byte> memory, long runningIndex, SequenceNode? next)
        {
            Memory = memory;
            RunningIndex = runningIndex;
            Next = next;
        }
    }

    private sealed class Policy : IPooledObjectPolicy<RetainedPayload>
    {
        public RetainedPayload Create() => new();

        public bool Return(RetainedPayload payload) => payload._pieces.Length <= MaxPooledPieces;
    }
}
