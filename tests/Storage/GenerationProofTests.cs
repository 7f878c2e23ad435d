using Delos.Daemon.Storage;
using Delos.Protocol.Identity;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Tests.Storage;

/// <summary>A generation without its closed marker, whose last record is damaged: that something durable came in a later generation proves that the record was durable (trap 26).</summary>
[Category("Trap26")]
public class GenerationProofTests
{
    private const int RecordBytes = 208;

    [Test]
    public async Task The_last_entry_before_a_generation_that_followed_is_never_taken_for_a_torn_tail([Values] bool zeroed)
    {
        await using var crashed = await CrashBeforeTheMarker(_ => { }, out var end);
        Damage(crashed, end, zeroed);
        crashed.Open();
        AssertLost();
        await crashed.Restart();
        AssertLost();

        void AssertLost()
        {
            Assert.That(crashed.Unknown, Is.EqualTo(new[] { (StorageHarness.Loglet, 29L, 30L) }));
            Assert.That(crashed.Log.EndOf(StorageHarness.Loglet), Is.EqualTo(30));
            crashed.ReadAndCheck(0, 29);
        }
    }

    [Test]
    public async Task The_seal_before_a_generation_that_followed_is_missed_when_it_is_damaged()
    {
        await using var crashed = await CrashBeforeTheMarker(h => h.Log.TryAppend(RecordKind.Seal, StorageHarness.Loglet, 30, new byte[RecordBytes - 76], true, out _), out var end);
        Damage(crashed, end, zeroed: true);
        crashed.Open();
        Assert.That(crashed.Records.Any(r => r.Kind == RecordKind.Seal), Is.False);
        Assert.That(crashed.Damage, Has.Count.EqualTo(1));
        await crashed.Restart();
        Assert.That(crashed.Damage, Has.Count.EqualTo(1));
        Assert.That(crashed.RecoveredTail, Is.EqualTo(30));
    }

    [Test]
    public async Task A_generation_whose_follower_lost_its_first_record_is_proven_up_to_the_last_record_that_is_seen()
    {
        await using var crashed = await CrashBeforeTheMarker(_ => { }, out var end);
        Damage(crashed, end, zeroed: false);
        StorageHarness.Zero(crashed.SegmentFiles().Last(), LogAddress.FirstLocal, 76);
        crashed.Open();
        Assert.That(crashed.Unknown, Does.Contain((StorageHarness.Loglet, 29L, 30L)));
    }

    [Test]
    public async Task A_torn_tail_is_still_cut_when_the_generation_that_followed_holds_nothing()
    {
        await using var harness = new StorageHarness(StorageHarness.Small with { SpareFiles = 0 });
        harness.Append(0, 30);
        await using var crashed = harness.CrashCopy();
        Damage(crashed, LogAddress.Local(harness.Log.DurableAddress), zeroed: false);
        var first = Path.GetDirectoryName(crashed.SegmentFiles().Single())!;
        GenerationName.TryParse(Path.GetFileName(first), out var name);
        var next = Path.Combine(Path.GetDirectoryName(first)!, (name with { Number = name.Number + 1, Nonce = name.Nonce ^ 2 }).ToString());
        Directory.CreateDirectory(next);
        File.WriteAllBytes(Path.Combine(next, GenerationName.FileName(0)), new byte[name.FileBytes]);
        crashed.Open();
        Assert.That(crashed.Unknown, Is.Empty);
        Assert.That(crashed.RecoveredTail, Is.EqualTo(29));
        Assert.That(Directory.Exists(next), Is.False);
    }

    [Test]
    public async Task An_end_that_damage_hides_stays_hidden_over_restarts_until_it_is_told()
    {
        await using var harness = new StorageHarness();
        var other = new LogletId(0, 77);
        harness.Append(0, 3);
        harness.Append(0, 3, loglet: other);
        var at = LogAddress.Local(harness.Log.DurableAddress);
        harness.Append(3, 6, loglet: other);
        harness.Append(3, 6);
        await using var copy = harness.CrashCopy();
        StorageHarness.Zero(copy.SegmentFiles().First(), at, 3 * RecordBytes);
        copy.Open();
        Assert.That(copy.Unknown, Is.EqualTo(new[] { (other, 3L, long.MaxValue) }));
        await copy.Restart();
        Assert.That(copy.Unknown, Is.EqualTo(new[] { (other, 3L, long.MaxValue) }), "the marker of the first recovery says nothing of it");

        // A peer's copies that a crash cut short do not tell where the log ended.
        copy.Append(3, 5, kind: RecordKind.RepairEntries, loglet: other);
        await copy.Restart();
        Assert.That(copy.Unknown, Is.EqualTo(new[] { (other, 5L, long.MaxValue) }));
        copy.Append(5, 6, kind: RecordKind.RepairEntries, loglet: other);
        copy.Log.EndUnknownAt(other, 6);
        await copy.Restart();
        Assert.That(copy.Unknown, Is.Empty);
        copy.ReadAndCheck(0, 6, loglet: other);
        copy.ReadAndCheck(0, 6);
    }

    [Test]
    public async Task The_last_record_of_a_journal_is_an_error_when_it_is_damaged_though_another_generation_followed()
    {
        var root = Path.Combine(Path.GetTempPath(), "delos-journal-" + Guid.NewGuid().ToString("n"));
        var path = Path.Combine(root, "catalog");
        using (var group = new GroupCommit(StorageHarness.Small, NullLogger.Instance, TimeProvider.System))
        {
            for (byte i = 0; i < 2; i++)
            {
                await using var journal = Journal.Open(path, group, _ => { });
                journal.TryAppend(7, new byte[100], false, out var end);
                await journal.WhenDurable(end);
            }

            var first = Directory.GetDirectories(path).Order(StringComparer.Ordinal).First();
            File.Delete(Path.Combine(first, GenerationName.ClosedMarker));
            StorageHarness.Flip(Path.Combine(first, GenerationName.FileName(0)), LogAddress.FirstLocal + 76 + 50);
            Assert.That(() => Journal.Open(path, group, _ => { }), Throws.TypeOf<StorageCorruptException>());
        }

        Directory.Delete(root, recursive: true);
    }

    /// <summary>
    /// Thirty entries, closed; before the marker is written, a repair copy, which tells nothing of the end, becomes durable in the next generation; crash.
    /// </summary>
    private static Task<StorageHarness> CrashBeforeTheMarker(Action<StorageHarness> beforeClosing, out long end)
    {
        var harness = new StorageHarness(StorageHarness.Small with { SpareFiles = 0 });
        harness.Append(0, 30);
        beforeClosing(harness);
        harness.Log.Kick();
        StorageHarness.Until(() => !harness.Log.IsDirty, "durable");
        end = LogAddress.Local(harness.Log.DurableAddress);
        using var maintenance = HeldMaintenance.Of(harness);
        _ = harness.Log.CloseForWriting();
        harness.Append(5, 6, kind: RecordKind.RepairEntries);
        return Finish();

        async Task<StorageHarness> Finish()
        {
            var crashed = harness.CrashCopy();
            Assert.That(Directory.EnumerateFiles(crashed.Root, GenerationName.ClosedMarker, SearchOption.AllDirectories), Is.Empty);
            maintenance.Dispose();
            await harness.DisposeAsync();
            return crashed;
        }
    }

    private static void Damage(StorageHarness harness, long end, bool zeroed)
    {
        var file = harness.SegmentFiles().First();
        if (zeroed) StorageHarness.Zero(file, end - RecordBytes, RecordBytes);
        else StorageHarness.Flip(file, end - 50);
    }
}
