using System.Buffers.Binary;
using Delos.Daemon.Sequencers;
using Delos.Daemon.Storage;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;
using StoredRun = Delos.Daemon.LogServers.EntryRun;

namespace Delos.Tests.Fuzzing;

/// <summary>Entries, and the three walks over batches of them (sequencer, LogServer, storage), against one written here.</summary>
public sealed class EntryFuzzTests
{
    internal const ulong Client = 77;

    private readonly byte[] _buffer = new byte[256 << 10];
    private readonly EntryRunReader _reader = new();

    [Test]
    public void A_mutated_entry_is_never_intact() => Fuzz.Run("entry", 400_000, CheckEntry, share: 0.3);

    [Test]
    public void Batches_are_judged_alike_by_sequencer_LogServer_and_storage() => Fuzz.Run("batch of entries", 60_000, CheckBatch, share: 0.7);

    [Test]
    public void An_entry_check_that_leaves_out_the_append_id_is_caught() => Fuzz.MustFail(5000, "intact", round =>
    {
        var entry = Batch(round.Random, 1);
        var mutant = (byte[])entry.Clone();
        mutant[8 + round.Random.Next(16)] ^= 1;

        // Mutant: the checksum as if the id stood there as it was.
        if (Crc32C.Compute(entry.AsSpan(4)) == BinaryPrimitives.ReadUInt32LittleEndian(mutant)) throw new FuzzFailure("a changed entry is intact", mutant);
    });

    private long CheckEntry(FuzzRound round)
    {
        var entry = Batch(round.Random, 1);
        FuzzRound.Check(EntryCodec.IsIntact(entry), "an entry is not intact", entry);
        for (var i = 0; i < 40; i++)
        {
            entry.CopyTo(_buffer, 0);
            var mutant = _buffer.AsSpan(0, Mutator.Mutate(round.Random, _buffer, entry.Length));
            if (!mutant.SequenceEqual(entry) && EntryCodec.IsIntact(mutant)) throw new FuzzFailure("a changed entry is intact", mutant);
            if (EntryCodec.TryReadHeader(mutant, out var header) && (header.PayloadLength is < 0 or > EntryCodec.MaxPayload || header.Kind > EntryKind.Deleted)) throw new FuzzFailure($"a header that no entry has was read: {header}", mutant);
        }

        return 40;
    }

    private long CheckBatch(FuzzRound round)
    {
        var random = round.Random;
        var count = random.Between(1, 12);
        var batch = Batch(random, count);
        for (var i = 0; i < 20; i++)
        {
            batch.CopyTo(_buffer, 0);
            var length = random.OneIn(6) ? batch.Length : Mutator.Mutate(random, _buffer, batch.Length, batch);
            if (random.OneIn(3)) Reseal(random, _buffer.AsSpan(0, length));
            var stated = random.OneIn(6) ? (uint)random.Number() : (uint)count;
            Check(random, _buffer.AsSpan(0, length), stated);
        }

        return 20;
    }

    private void Check(FuzzRandom random, ReadOnlySpan<byte> bytes, uint count)
    {
        var intact = Walk(bytes, count, out var ordered);
        var cut = Pieces.Cut(random, bytes);
        var maxEntry = random.OneIn(3) ? 50 : 1 << 20;
        try
        {
            FuzzRound.Check(StoredRun.IsIntact(cut, count) == intact, $"the LogServer's walk over {count} entries says {!intact}", bytes);
            if (count <= int.MaxValue) FuzzRound.Check(EntryWalk.AllIntact(bytes, (int)count, 0) == intact, $"the storage's walk over {count} entries says {!intact}", bytes);
            CheckChecksum(random, bytes, count, intact);
            var status = _reader.Read(cut, Client, count, maxEntry);
            FuzzRound.Check(status == (intact && ordered && count > 0 ? StatusCode.Ok : StatusCode.Malformed), $"the sequencer's walk over {count} entries says {status}", bytes);
            if (status == StatusCode.Ok) CheckRuns(bytes, count, maxEntry);
            if (count is > 0 and < 1000) CheckDamage(bytes, (int)count);
        }
        catch (Exception e) when (e is not FuzzFailure)
        {
            throw new FuzzFailure($"{e.GetType().Name}: {e.Message}\n{e.StackTrace}", bytes);
        }
    }

    /// <summary>The checksum over the entries' checksums: the same however the bytes lie, and of no other entries.</summary>
    private static void CheckChecksum(FuzzRandom random, ReadOnlySpan<byte> bytes, uint count, bool intact)
    {
        using var pieces = new RetainedPieces(random, bytes);
        var checksum = EntryWalk.Checksum(bytes);
        FuzzRound.Check(EntryWalk.Checksum(pieces.Payload) == checksum, "the checksum depends on how the entries lie", bytes);
        if (!intact || count is < 2 or > 1000) return;
        FuzzRound.Check(EntryWalk.AllIntact(bytes, (int)count, checksum), "the checksum is not that of its entries", bytes);
        EntryCodec.TryReadHeader(bytes, out var first);
        byte[] turned = [.. bytes[first.Size..], .. bytes[..first.Size]];
        if (turned.AsSpan().SequenceEqual(bytes)) return;
        FuzzRound.Check(!EntryWalk.AllIntact(turned, (int)count, checksum), "entries in another order pass", bytes);
        long lost = 0;
        EntryWalk.FindDamaged(turned, 5, (int)count, checksum, (from, end) => lost += end - from);
        FuzzRound.Check(lost == count, $"of {count} entries in another order {lost} are unknown", bytes);
    }

    private void CheckRuns(ReadOnlySpan<byte> bytes, uint count, int maxEntry)
    {
        var (offset, entries) = (0, 0);
        foreach (var run in _reader.Runs)
        {
            FuzzRound.Check(run.Offset == offset && run.Count > 0, "the runs have a hole", bytes);
            for (var i = 0; i < run.Count; i++)
            {
                EntryCodec.TryReadHeader(bytes[offset..], out var header);
                FuzzRound.Check(header.Id.Sequence == run.FirstSequence + (ulong)i && header.PayloadLength > maxEntry == run.IsTooLarge, "a run holds what it does not say", bytes);
                offset += header.Size;
            }

            FuzzRound.Check(offset == run.Offset + run.Length, "a run's length is wrong", bytes);
            entries += run.Count;
        }

        FuzzRound.Check(offset == bytes.Length && entries == count, "the runs are not the whole batch", bytes);
    }

    /// <summary>What storage does not report as damaged is an intact entry, where the lengths lead.</summary>
    private static void CheckDamage(ReadOnlySpan<byte> bytes, int count)
    {
        var damaged = new bool[count];
        var last = 0L;
        EntryWalk.FindDamaged(bytes, 0, count, 0, (first, end) =>
        {
            if (first < last || end <= first || end > damaged.Length) throw new FuzzFailure($"damage [{first}, {end}) of {damaged.Length}", "");
            last = end;
            for (var i = first; i < end; i++) damaged[i] = true;
        });
        var rest = bytes;
        for (var i = 0; i < count && EntryCodec.TryReadHeader(rest, out var header) && header.Size <= rest.Length; i++)
        {
            if (!damaged[i]) FuzzRound.Check(Walk(rest[..header.Size], 1, out _), $"entry {i} is damaged and not reported", bytes);
            rest = rest[header.Size..];
        }

        if (!Walk(bytes, (uint)count, out _) && bytes.Length > 0) FuzzRound.Check(damaged.Contains(true) || EntriesThenMore(bytes, count), "a damaged batch shows no damage", bytes);
    }

    /// <summary>The entries are whole and the record holds more than they are: nothing of them is lost.</summary>
    private static bool EntriesThenMore(ReadOnlySpan<byte> bytes, int count)
    {
        for (; count > 0; count--)
        {
            if (!EntryCodec.TryReadHeader(bytes, out var header) || header.Size > bytes.Length || !EntryCodec.IsIntact(bytes[..header.Size])) return false;
            bytes = bytes[header.Size..];
        }

        return true;
    }

    /// <summary>Exactly so many intact entries; and whether they are one client's, in rising order.</summary>
    private static bool Walk(ReadOnlySpan<byte> bytes, uint count, out bool ordered)
    {
        ordered = true;
        ulong former = 0;
        for (uint i = 0; i < count; i++)
        {
            if (bytes.Length < 32) return false;
            var length = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
            if (length > 16 << 20 || length > bytes.Length - 32 || bytes[24] > 2 || bytes[25..32].ContainsAnyExcept((byte)0)) return false;
            var crc = 0xFFFFFFFFu;
            foreach (var b in bytes[4..(32 + (int)length)]) crc = System.Numerics.BitOperations.Crc32C(crc, b);
            if (~crc != BinaryPrimitives.ReadUInt32LittleEndian(bytes)) return false;
            var sequence = BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]);
            ordered &= BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]) == Client && (i == 0 || sequence > former);
            former = sequence;
            bytes = bytes[(32 + (int)length)..];
        }

        return bytes.IsEmpty;
    }

    /// <summary>Checksums that hold, for whatever stands there now: deeper than the first check.</summary>
    private static void Reseal(FuzzRandom random, Span<byte> bytes)
    {
        while (EntryCodec.TryReadHeader(bytes, out var header) && header.Size <= bytes.Length)
        {
            if (!random.OneIn(8)) BinaryPrimitives.WriteUInt32LittleEndian(bytes, Crc32C.Compute(bytes[4..header.Size]));
            bytes = bytes[header.Size..];
        }
    }

    internal static byte[] Batch(FuzzRandom random, int count)
    {
        var bytes = new List<byte>();
        var sequence = random.OneIn(4) ? random.Next64() >> 1 : (ulong)random.Next(100);
        for (var i = 0; i < count; i++)
        {
            var entry = new byte[EntryCodec.HeaderSize + random.Next(random.OneIn(6) ? 600 : 60)];
            EntryCodec.Encode(entry, new AppendId(random.OneIn(40) ? 5 : Client, sequence), random.Pick(Enum.GetValues<EntryKind>()), random.Bytes(entry.Length - EntryCodec.HeaderSize));
            sequence += random.OneIn(3) ? (ulong)random.Between(1, 5) : 1;
            bytes.AddRange(entry);
        }

        return [.. bytes];
    }
}
