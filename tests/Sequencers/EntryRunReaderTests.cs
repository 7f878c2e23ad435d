using System.Buffers;
using Delos.Daemon.Sequencers;
using Delos.Protocol.Framing;

namespace Delos.Tests.Sequencers;

public class EntryRunReaderTests
{
    private const int EntrySize = 32 + 5;
    private readonly EntryRunReader _reader = new();

    private StatusCode Read(ulong client, uint count, params ulong[] sequences) =>
        _reader.Read(new ReadOnlySequence<byte>(Entries.Of(1, 5, sequences)), client, count, 100);

    [Test]
    public void Neighbouring_sequences_are_one_run()
    {
        Assert.That(Read(1, 3, 7, 8, 9), Is.EqualTo(StatusCode.Ok));
        Assert.That(_reader.Runs.ToArray(), Is.EqualTo(new[] { new EntryRun(7, 3, 0, 3 * EntrySize) }));
    }

    [Test]
    public void A_gap_in_the_sequences_begins_another_run()
    {
        Assert.That(Read(1, 3, 7, 9, 10), Is.EqualTo(StatusCode.Ok));
        Assert.That(_reader.Runs.ToArray(), Is.EqualTo(new[] { new EntryRun(7, 1, 0, EntrySize), new EntryRun(9, 2, EntrySize, 2 * EntrySize) }));
    }

    [Test]
    public void Sequences_that_do_not_increase_are_malformed()
    {
        Assert.That(Read(1, 2, 7, 7), Is.EqualTo(StatusCode.Malformed));
        Assert.That(Read(1, 2, 7, 6), Is.EqualTo(StatusCode.Malformed));
    }

    [Test]
    public void Entries_of_another_client_are_malformed() => Assert.That(Read(2, 1, 7), Is.EqualTo(StatusCode.Malformed));

    [TestCase(0u)]
    [TestCase(1u)]
    [TestCase(3u)]
    [TestCase(uint.MaxValue)]
    public void A_wrong_count_is_malformed(uint count) => Assert.That(Read(1, count, 7, 8), Is.EqualTo(StatusCode.Malformed));

    [Test]
    public void A_cut_entry_is_malformed()
    {
        var bytes = Entries.Of(1, 5, 7, 8);
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.That(_reader.Read(new ReadOnlySequence<byte>(bytes, 0, length), 1, 2, 100), Is.EqualTo(StatusCode.Malformed));
        }
    }

    [Test]
    public void A_flipped_bit_anywhere_is_malformed([Values(1, 7, 40, 1000)] int piece)
    {
        // Otherwise no LogServer would ever store what was given a position.
        var bytes = Entries.Of(1, 5, 7, 8);
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] ^= 0x10;
            Assert.That(_reader.Read(Entries.InPieces(bytes, piece), 1, 2, 100), Is.EqualTo(StatusCode.Malformed), $"byte {i}");
            bytes[i] ^= 0x10;
        }

        Assert.That(_reader.Read(Entries.InPieces(bytes, piece), 1, 2, 100), Is.EqualTo(StatusCode.Ok));
    }

    [Test]
    public void Entries_over_the_limit_are_runs_of_their_own()
    {
        byte[] bytes = [.. Entries.Of(1, 5, 7), .. Entries.Of(1, 101, 8, 9), .. Entries.Of(1, 5, 10)];
        Assert.That(_reader.Read(new ReadOnlySequence<byte>(bytes), 1, 4, 100), Is.EqualTo(StatusCode.Ok));
        Assert.That(_reader.Runs.ToArray(), Is.EqualTo(new[]
        {
            new EntryRun(7, 1, 0, EntrySize), new EntryRun(8, 2, EntrySize, 2 * 133, IsTooLarge: true), new EntryRun(10, 1, EntrySize + 2 * 133, EntrySize),
        }));
    }

    [Test]
    public void Headers_may_lie_across_blocks([Values(1, 3, 31, 32, 33, 40)] int piece)
    {
        var payload = Entries.InPieces(Entries.Of(1, 5, 7, 8, 10), piece);
        Assert.That(_reader.Read(payload, 1, 3, 100), Is.EqualTo(StatusCode.Ok));
        Assert.That(_reader.Runs.ToArray(), Is.EqualTo(new[] { new EntryRun(7, 2, 0, 2 * EntrySize), new EntryRun(10, 1, 2 * EntrySize, EntrySize) }));
    }
}
