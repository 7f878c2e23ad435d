using Delos.Daemon.Storage;
using Delos.Tests.Storage;

namespace Delos.Tests.Fuzzing;

/// <summary>The recovery of a LogServer's logs from damaged files (trap 26).</summary>
[Category("Trap26")]
public sealed class RecoveryFuzzTests
{
    private const int Rounds = 250;
    private const double Share = 1.0 / 9;

    private static readonly Dictionary<string, Func<Task<DiskImage>>> s_images = new()
    {
        ["live"] = LogImages.Live,
        ["checkpointed"] = LogImages.Checkpointed,
        ["closed and repaired"] = LogImages.ClosedAndRepaired,
        ["restarted"] = LogImages.Restarted,
        ["unmarked"] = LogImages.Unmarked,
        ["trimmed"] = LogImages.Trimmed,
    };

    private static IEnumerable<string> Images => s_images.Keys;

    [TestCaseSource(nameof(Images))]
    public async Task Damaged_files_are_recovered_to_what_was_written_or_reported(string image)
    {
        using var fuzz = new RecoveryFuzz(await s_images[image]());
        Fuzz.Run($"recovery of a log, {image}", Rounds, fuzz.Run, Share);
    }

    [TestCase("closed and repaired")]
    [TestCase("restarted")]
    [TestCase("trimmed")]
    public async Task Forged_files_do_no_harm_to_the_process(string image)
    {
        using var fuzz = new RecoveryFuzz(await s_images[image]());
        var forge = Forgeries.Of(fuzz.Truth);
        Fuzz.Run($"recovery of a forged log, {image}", Rounds, round => fuzz.RunForged(round, forge), Share);
    }

    [TestCaseSource(nameof(Images))]
    public async Task Undamaged_files_are_recovered_whole(string image)
    {
        var pristine = await s_images[image]();
        using var fuzz = new RecoveryFuzz(pristine) { BeforeStart = image => image.CopyFrom(pristine) };
        fuzz.Run(new FuzzRound { Seed = 1 });
        Assert.That(fuzz.Truth.Records.Count(), Is.GreaterThan(20));
    }

    [Test]
    public async Task A_recovery_that_takes_any_damage_for_the_torn_end_is_caught()
    {
        var pristine = await LogImages.ClosedAndRepaired();
        using var fuzz = new RecoveryFuzz(pristine) { BeforeStart = CutAtFirstDamage };
        Fuzz.MustFail(200, "durable", fuzz.Run);

        void CutAtFirstDamage(DiskImage damaged)
        {
            var truth = new LogTruth(pristine, LogImages.LogDirectory);
            if (truth.Records.FirstOrDefault(r => !truth.IsWhole(damaged, r)) is not { } first) return;
            foreach (var path in damaged.Files.Keys.ToArray())
            {
                var generation = truth.Generations.First(g => path.StartsWith(g.Path, StringComparison.Ordinal));
                if (generation.Name.Number < first.Generation.Name.Number) continue;
                var start = (long)GenerationName.FileIndex(Path.GetFileName(path)) << generation.Name.FileBits;
                if (generation != first.Generation || start < 0 || start > first.Start) damaged.Files.Remove(path);
                else if (start + damaged.Files[path].Length > first.Start) damaged.Files[path].AsSpan((int)(first.Start - start)).Clear();
            }
        }
    }

    [Test]
    public async Task A_recovery_that_keeps_damage_to_itself_is_caught()
    {
        using var fuzz = new RecoveryFuzz(await LogImages.Live()) { AfterStart = found => found.Forget() };

        // A position that is lost and not said to be, or, where all of a Loglet is lost, its end.
        Fuzz.MustFail(200, "unknown: False|end of .* was durable", fuzz.Run);
    }

    [Test]
    public async Task A_recovery_that_invents_a_record_is_caught()
    {
        using var fuzz = new RecoveryFuzz(await LogImages.Live()) { AfterStart = found => found.Records.Add((RecordKind.Entries, StorageHarness.Loglet, 3, 2, [])) };
        Fuzz.MustFail(1, "never written", fuzz.Run);
    }

    [Test]
    public async Task A_recovery_that_reads_one_entry_for_another_is_caught()
    {
        var pristine = await LogImages.Live();
        using var fuzz = new RecoveryFuzz(pristine) { BeforeStart = Turn };
        Fuzz.MustFail(1, "not written there", fuzz.Run);

        // Two records of one size, header and all, as if nothing stated where a record belongs.
        void Turn(DiskImage damaged)
        {
            damaged.CopyFrom(pristine);
            var truth = new LogTruth(pristine, LogImages.LogDirectory);
            var (path, bytes) = damaged.Files.First(f => f.Key.EndsWith(".seg", StringComparison.Ordinal));
            var record = truth.Records.First(r => r.Header is { Kind: RecordKind.Entries, Count: 20 });
            var payload = bytes.AsSpan((int)record.Start + 4 + RecordHeader.Size);
            var (one, two) = (payload[..252].ToArray(), payload[252..504].ToArray());
            two.CopyTo(payload);
            one.CopyTo(payload[252..]);
            Assert.That(record.Start >> record.Generation.Name.FileBits, Is.Zero, path);

            // The header states the entries' checksums in their new order.
            var header = bytes.AsSpan((int)record.Start + 4, RecordHeader.Size);
            BitConverter.TryWriteBytes(header[48..], EntryWalk.Checksum(payload[..record.Payload.Length]));
            BitConverter.TryWriteBytes(header, Delos.Protocol.Entries.Crc32C.Compute(header[4..]));
        }
    }
}
