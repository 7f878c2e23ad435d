using System.Buffers;
using Delos.Daemon.LogServers;
using Delos.Protocol.Entries;

namespace Delos.Tests.LogServers;

public sealed class EntryRunTests
{
    private static readonly int[] s_sizes = [0, 1, 40, 500, 7, 0, 129];

    [Test]
    public void Entries_in_one_piece_are_intact() => Assert.That(EntryRun.IsIntact(new(Entries()), (uint)s_sizes.Length));

    [Test]
    public void Entries_cut_into_pieces_of_any_size_are_intact([Range(1, 70)] int pieceSize) =>
        Assert.That(EntryRun.IsIntact(InPieces(Entries(), pieceSize), (uint)s_sizes.Length));

    [Test]
    public void Any_flipped_byte_is_found([Values(1000, 33)] int pieceSize)
    {
        var entries = Entries();
        for (var i = 0; i < entries.Length; i++)
        {
            entries[i] ^= 0x20;
            Assert.That(EntryRun.IsIntact(InPieces(entries, pieceSize), (uint)s_sizes.Length), Is.False, $"byte {i}");
            entries[i] ^= 0x20;
        }
    }

    [Test]
    public void A_wrong_count_or_length_is_found()
    {
        var entries = Entries();
        Assert.That(EntryRun.IsIntact(new(entries), (uint)s_sizes.Length - 1), Is.False);
        Assert.That(EntryRun.IsIntact(new(entries), (uint)s_sizes.Length + 1), Is.False);
        Assert.That(EntryRun.IsIntact(new(entries.AsMemory(0, entries.Length - 1)), (uint)s_sizes.Length), Is.False);
        Assert.That(EntryRun.IsIntact(ReadOnlySequence<byte>.Empty, 1), Is.False);
        Assert.That(EntryRun.IsIntact(ReadOnlySequence<byte>.Empty, 0), Is.True);
    }

    [Test]
    public void The_place_of_every_entry_is_found([Values(1000, 33, 1)] int pieceSize)
    {
        var entries = InPieces(Entries(), pieceSize);
        var offset = 0;
        for (var i = 0; i < s_sizes.Length; i++)
        {
            Assert.That(EntryRun.OffsetOf(entries, (uint)i), Is.EqualTo(offset));
            offset += EntryCodec.EncodedSize(s_sizes[i]);
        }
    }

    [Test]
    public void As_many_entries_are_taken_as_fit_and_at_least_one()
    {
        var entries = InPieces(Entries(), 33);
        Assert.That(EntryRun.Take(entries, 0, 7, 10), Is.EqualTo((1u, 32)));
        Assert.That(EntryRun.Take(entries, 0, 7, 65), Is.EqualTo((2u, 65)));
        Assert.That(EntryRun.Take(entries, 32, 7, 64), Is.EqualTo((1u, 33)));
        Assert.That(EntryRun.Take(entries, 32, 2, int.MaxValue), Is.EqualTo((2u, 33 + 72)));
    }

    private static byte[] Entries()
    {
        var bytes = new byte[s_sizes.Sum(EntryCodec.EncodedSize)];
        var at = 0;
        ulong sequence = 0;
        foreach (var size in s_sizes)
        {
            var payload = new byte[size];
            new Random(size).NextBytes(payload);
            at += EntryCodec.Encode(bytes.AsSpan(at), new AppendId(1, ++sequence), EntryKind.Data, payload);
        }

        return bytes;
    }

    private static ReadOnlySequence<byte> InPieces(byte[] bytes, int size)
    {
        Piece? first = null, last = null;
        for (var at = 0; at < bytes.Length; at += size)
        {
            last = new Piece(bytes.AsMemory(at, Math.Min(size, bytes.Length - at)), last);
            first ??= last;
        }

        return new ReadOnlySequence<byte>(first!, 0, last!, last!.Memory.Length);
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory, Piece? former)
        {
            Memory = memory;
            if (former is null) return;
            RunningIndex = former.RunningIndex + former.Memory.Length;
            former.Next = this;
        }
    }
}
