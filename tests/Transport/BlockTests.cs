using System.Buffers;
using Delos.Protocol.Blocks;

namespace Delos.Tests.Transport;

public sealed class BlockTests
{
    [Test]
    public void A_block_returns_to_its_pool_with_the_last_release()
    {
        var pool = new BlockPool();
        var block = pool.Take();
        block.Retain();
        block.Release();
        Assert.That(pool.LiveBlocks, Is.EqualTo(1));
        block.Release();
        Assert.That(pool.LiveBlocks, Is.Zero);
        Assert.That(pool.Take(), Is.SameAs(block));
    }

    [Test]
    public void A_release_too_many_and_a_retain_too_late_are_noticed()
    {
        var block = new BlockPool().Take();
        block.Release();
        Assert.Throws<InvalidOperationException>(block.Retain);
        Assert.Throws<InvalidOperationException>(new BlockReleaser(block).Twice);
    }

    [Test]
    public void A_payload_keeps_the_very_bytes_of_blocks_and_copies_others()
    {
        var pool = new BlockPool();
        var block = pool.Take();
        "hello world"u8.CopyTo(block.Array);
        var payload = RetainedPayload.Create(new ReadOnlySequence<byte>(block.Memory.Slice(6, 5)));
        block.Release();
        Assert.That(pool.LiveBlocks, Is.EqualTo(1));
        payload.Append(new ReadOnlySequence<byte>("!?"u8.ToArray()));
        Assert.Multiple(() =>
        {
            Assert.That(payload.Length, Is.EqualTo(7));
            Assert.That(payload.SegmentCount, Is.EqualTo(2));
            Assert.That(payload.GetBlock(0), Is.SameAs(block));
            Assert.That(payload.AsSequence().ToArray(), Is.EqualTo("world!?"u8.ToArray()));
        });
        payload.Release();
        Assert.That(pool.LiveBlocks, Is.Zero);
    }

    [Test]
    public void Neighbouring_pieces_of_one_block_become_one()
    {
        var pool = new BlockPool();
        var block = pool.Take();
        var payload = RetainedPayload.Create();
        payload.Append(block, 0, 10);
        payload.Append(block, 10, 20);
        payload.Append(block, 31, 1);
        block.Release();
        Assert.That(payload.SegmentCount, Is.EqualTo(2));
        Assert.That(payload.GetSegment(0).Length, Is.EqualTo(30));
        payload.Release();
        Assert.That(pool.LiveBlocks, Is.Zero);
    }

    [Test]
    public void A_slice_has_references_of_its_own()
    {
        var bytes = new byte[3 * Block.Size + 100];
        new Random(3).NextBytes(bytes);
        var live = BlockPool.Shared.LiveBlocks;
        var payload = RetainedPayload.Copy(bytes);
        foreach (var (offset, length) in new[] { (0, bytes.Length), (0, 0), (Block.Size - 5, 10), (Block.Size, Block.Size), (bytes.Length - 1, 1), (100, 2 * Block.Size) })
        {
            var slice = payload.Slice(offset, length);
            var copy = new byte[length];
            slice.CopyTo(copy);
            Assert.That(copy, Is.EqualTo(bytes.AsSpan(offset, length).ToArray()));
            Assert.That(slice.AsSequence().ToArray(), Is.EqualTo(copy));
            slice.Release();
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => payload.Slice(bytes.Length, 1));
        var last = payload.Slice(bytes.Length - 1, 1);
        payload.Release();
        Assert.That(last.GetSpan(0)[0], Is.EqualTo(bytes[^1]));
        last.Release();
        Assert.That(BlockPool.Shared.LiveBlocks, Is.EqualTo(live));
    }

    [Test]
    public void An_arena_packs_small_payloads_into_one_block_and_starts_over_when_all_are_released()
    {
        var pool = new BlockPool();
        using (var arena = new PayloadArena(pool))
        {
            for (var round = 0; round < 3; round++)
            {
                var payloads = Enumerable.Range(0, 100).Select(i => arena.Copy([(byte)i, 1, 2])).ToArray();
                Assert.That(pool.LiveBlocks, Is.EqualTo(1));
                for (var i = 0; i < payloads.Length; i++) Assert.That(payloads[i].GetSpan(0).ToArray(), Is.EqualTo(new byte[] { (byte)i, 1, 2 }));
                foreach (var payload in payloads) payload.Release();
            }

            var large = arena.Copy(new byte[Block.Size + 7]);
            Assert.That(large.Length, Is.EqualTo(Block.Size + 7));
            large.Release();
        }

        Assert.That(pool.LiveBlocks, Is.Zero);
    }

    private sealed class BlockReleaser(Block block)
    {
        public void Twice()
        {
            block.Release();
            block.Release();
        }
    }
}
