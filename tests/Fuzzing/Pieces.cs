using System.Buffers;
using Delos.Protocol.Blocks;

namespace Delos.Tests.Fuzzing;

/// <summary>Bytes as they are received: in pieces that do not touch each other.</summary>
internal sealed class Pieces : ReadOnlySequenceSegment<byte>
{
    private Pieces(ReadOnlyMemory<byte> memory, long index)
    {
        Memory = memory;
        RunningIndex = index;
    }

    public static ReadOnlySequence<byte> Cut(FuzzRandom random, ReadOnlySpan<byte> bytes)
    {
        var first = new Pieces(Take(random, ref bytes), 0);
        var last = first;
        while (!bytes.IsEmpty)
        {
            var next = new Pieces(Take(random, ref bytes), last.RunningIndex + last.Memory.Length);
            last.Next = next;
            last = next;
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private static byte[] Take(FuzzRandom random, ref ReadOnlySpan<byte> bytes)
    {
        var length = Math.Min(bytes.Length, random.Next(4) switch { 0 => random.Next(8), 1 => random.Next(64), _ => random.Next(2000) });
        if (random.OneIn(4)) length = bytes.Length;
        var piece = bytes[..length].ToArray();
        bytes = bytes[length..];
        return piece;
    }
}

/// <summary>Bytes in pieces of blocks, as a store's payload has them.</summary>
internal sealed class RetainedPieces : IDisposable
{
    public RetainedPieces(FuzzRandom random, ReadOnlySpan<byte> bytes)
    {
        foreach (var piece in Pieces.Cut(random, bytes))
        {
            // One piece in each block, or they would be joined again.
            for (var rest = piece.Span; !rest.IsEmpty; rest = rest[Math.Min(rest.Length, Block.Size)..])
            {
                var block = BlockPool.Shared.Take();
                var length = Math.Min(rest.Length, Block.Size);
                rest[..length].CopyTo(block.Array);
                Payload.Append(block, 0, length);
                block.Release();
            }
        }
    }

    public RetainedPayload Payload { get; } = RetainedPayload.Create();

    public void Dispose() => Payload.Release();
}
