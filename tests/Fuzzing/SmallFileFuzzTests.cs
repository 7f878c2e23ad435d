using System.Buffers.Binary;
using System.Text;
using Delos.Daemon.Dev;
using Delos.Daemon.Node;
using Delos.Daemon.Storage;
using Delos.Protocol.Entries;
using Delos.Protocol.Identity;

namespace Delos.Tests.Fuzzing;

/// <summary>What else lies in a data directory: the identity, a generation's name and marker, the fixed part of a record, the file of a dev cluster.</summary>
public sealed class SmallFileFuzzTests
{
    private const double Share = 1.0 / 6;

    private string _directory = "";

    [OneTimeSetUp]
    public void Create() => _directory = DiskImage.NewDirectory();

    [OneTimeTearDown]
    public void Delete() => Directory.Delete(_directory, recursive: true);

    [Test]
    public void A_damaged_identity_is_refused_or_still_the_same() => Fuzz.Run("identity", 4000, round =>
    {
        var identity = new NodeIdentity(round.Random.Guid(), (uint)round.Random.Number() | 1, round.Random.Guid());
        var isReplacement = round.Random.OneIn(2);
        var bytes = new byte[8192];
        var length = Encoding.UTF8.GetBytes(IdentityFile.Format(identity, isReplacement), bytes);
        FuzzRound.Check(IdentityFile.Parse(Encoding.UTF8.GetString(bytes, 0, length)) == new DiskIdentity(identity, isReplacement), "an identity does not read back", bytes);
        length = Mutator.Mutate(round.Random, bytes, length);
        if (round.Random.OneIn(4)) length = Reseal(bytes, length);
        File.WriteAllBytes(IdentityFile.PathIn(_directory), bytes[..length]);
        try
        {
            var read = IdentityFile.Read(_directory);
            var text = Encoding.UTF8.GetString(bytes, 0, length);
            FuzzRound.Check(read == new DiskIdentity(identity, isReplacement) || text.Contains(Title(text), StringComparison.Ordinal), $"{read} was read from a damaged identity", bytes.AsSpan(0, length));
        }
        catch (NodeStartException)
        {
            // As documented.
        }

        // Whether the checksum was made to hold for what stands there.
        static string Title(string text) => $"crc32c = {Crc32C.Compute(Encoding.UTF8.GetBytes(text[..Math.Max(0, text.IndexOf("crc32c", StringComparison.Ordinal))])):x8}";
    }, Share);

    [Test]
    public void A_damaged_marker_is_no_marker() => Fuzz.Run("closed marker", 4000, round =>
    {
        var random = round.Random;
        var nonce = random.Next64() | 1;
        var ends = Enumerable.Range(0, random.Next(4)).Select(_ => new LogletEnd(new LogletId(random.Next64(), random.Next64()), (long)(random.Number() >> 1))).ToList();
        var tail = 64 + random.NextLong(1L << 40);
        ClosedMarker.Write(_directory, nonce, tail, ends, DiskOperations.Real);
        FuzzRound.Check(ClosedMarker.TryRead(_directory, nonce, out var readTail, out var readEnds) && readTail == tail && readEnds.SequenceEqual(ends), "a marker does not read back", []);
        var path = Path.Combine(_directory, GenerationName.ClosedMarker);
        var written = File.ReadAllBytes(path);
        var bytes = new byte[written.Length + 4096];
        written.CopyTo(bytes, 0);
        var length = Mutator.Mutate(random, bytes, written.Length);
        var forged = length >= 4 && random.OneIn(3);
        if (forged) BinaryPrimitives.WriteUInt32LittleEndian(bytes, Crc32C.Compute(bytes.AsSpan(4, length - 4)));
        File.WriteAllBytes(path, bytes[..length]);
        var isRead = ClosedMarker.TryRead(_directory, nonce, out readTail, out readEnds);
        FuzzRound.Check(!isRead || forged || bytes.AsSpan(0, length).SequenceEqual(written), "a damaged marker was believed", bytes.AsSpan(0, length));
        FuzzRound.Check(!isRead || (readTail is >= LogAddress.FirstLocal and < 1L << 40 && readEnds.All(e => e.End >= 0)), $"a marker with the tail {readTail} was believed", bytes.AsSpan(0, length));
    }, Share);

    [Test]
    public void A_damaged_record_header_is_no_header() => Fuzz.Run("record header", 1_000_000, round =>
    {
        var random = round.Random;
        Span<byte> bytes = stackalloc byte[RecordHeader.Size + 128];
        var header = new RecordHeader
        {
            Kind = random.Pick(Enum.GetValues<RecordKind>()),
            Nonce = random.Next64() | 1,
            Loglet = new LogletId(random.Next64(), random.Next64()),
            First = (long)(random.Number() >> 2),
            Count = (int)(random.Number() & int.MaxValue),
            PayloadLength = (int)(random.Number() & int.MaxValue),
            PayloadCrc = (uint)random.Next64(),
            PreviousDistance = (uint)random.Number(),
            Address = (long)(random.Number() >> 1),
            DurableAddress = (long)(random.Number() >> 1),
        };
        header.Write(bytes);
        var written = bytes[..RecordHeader.Size].ToArray();
        FuzzRound.Check(RecordHeader.TryRead(bytes, header.Nonce, header.Address, out var read) && read == header, "a header does not read back", written);
        FuzzRound.Check(!RecordHeader.TryRead(bytes, header.Nonce + 2, header.Address, out _) && !RecordHeader.TryRead(bytes, header.Nonce, header.Address + 4, out _), "a header passes for another place", written);
        for (var i = 0; i < 40; i++)
        {
            written.CopyTo(bytes);
            var length = Mutator.Mutate(random, bytes, written.Length);
            var same = length >= written.Length && bytes[..written.Length].SequenceEqual(written);
            FuzzRound.Check(same == RecordHeader.TryRead(bytes[..length], header.Nonce, header.Address, out _), "a damaged header passes", bytes[..length]);

            // Under a checksum that holds: nothing negative may come out, and no end below its begin.
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, Crc32C.Compute(bytes[4..RecordHeader.Size]));
            if (RecordHeader.TryRead(bytes, header.Nonce, header.Address, out var forged)) FuzzRound.Check(forged is { First: >= 0, Count: >= 0, PayloadLength: >= 0 } && forged.End >= forged.First, $"{forged} passes", bytes);
        }

        return 40;
    }, Share);

    [Test]
    public void A_generations_name_is_read_only_as_it_is_written() => Fuzz.Run("generation name", 400_000, round =>
    {
        var name = new GenerationName((uint)round.Random.Number(), 20, 16, round.Random.Next64(), round.Random.OneIn(2)).ToString();
        FuzzRound.Check(GenerationName.TryParse(name, out var same) && same.ToString() == name, "a name does not read back", Encoding.UTF8.GetBytes(name));
        for (var i = 0; i < 20; i++)
        {
            var text = TextMutator.Mutate(round.Random, name, ["-", "b", "g", "A", "0", " ", "+"]);
            if (GenerationName.TryParse(text, out var read) && read.ToString() != text) throw new FuzzFailure($"'{text}' is read as {read}", "");
        }

        return 20;
    }, Share);

    [Test]
    public void A_dev_clusters_file_is_read_or_refused() => Fuzz.Run("dev cluster file", 4000, round =>
    {
        new DevClusterFile(round.Random.Guid(), [1, 2, 3]).Write(_directory);
        var path = Path.Combine(_directory, "cluster");
        File.WriteAllBytes(path, Encoding.UTF8.GetBytes(TextMutator.Mutate(round.Random, File.ReadAllText(path), [",", "\n", "-1", "99999999999", "x", "", "\0"])));
        try
        {
            var ports = DevClusterFile.Read(_directory)?.Ports;
            FuzzRound.Check(ports is null || ports.All(p => p is >= 0 and <= 65535), $"the ports {string.Join(',', ports ?? [])} were read", File.ReadAllBytes(path));
        }
        catch (InvalidDataException)
        {
            // As documented.
        }
    }, Share);

    /// <summary>Makes the checksum hold for the mutated lines, as far as there is one.</summary>
    private static int Reseal(byte[] bytes, int length)
    {
        var at = bytes.AsSpan(0, length).IndexOf("crc32c = "u8);
        if (at < 0) return length;
        Encoding.UTF8.GetBytes($"crc32c = {Crc32C.Compute(bytes.AsSpan(0, at)):x8}\n").CopyTo(bytes.AsSpan(at));
        return at + 18;
    }
}
