using Delos.Daemon.Storage;
using Delos.Protocol.Identity;

namespace Delos.Tests.Storage;

/// <summary>Damage that shows only by what is missing, and what a second start must still know of it. Each was found by tests/Fuzzing.</summary>
[Category("Trap26")]
public class HiddenDamageTests
{
    private static readonly StorageOptions s_options = StorageHarness.Small with { SegmentFileBytes = 128 << 10, SpareFiles = 0 };

    [Test]
    public async Task A_seal_that_alone_survived_leaves_the_end_of_its_loglet_open()
    {
        await using var harness = new StorageHarness(s_options);
        harness.Append(0, 10);
        var seal = LogAddress.Local(harness.Log.DurableAddress);
        Seal(harness);
        await using var copy = harness.CrashCopy();
        StorageHarness.Zero(copy.SegmentFiles().First(), LogAddress.FirstLocal, (int)(seal - LogAddress.FirstLocal));
        copy.Open();
        Assert.That(copy.Records.Select(r => r.Kind), Is.EqualTo(new[] { RecordKind.Seal }));
        Assert.That(copy.Unknown, Is.EqualTo(new[] { (StorageHarness.Loglet, 0L, long.MaxValue) }), "ten entries were durable: the tail is not 0");
    }

    [Test]
    public async Task A_log_of_which_only_the_end_of_another_loglet_survived_leaves_its_own_end_open()
    {
        await using var harness = new StorageHarness(s_options);
        harness.Append(0, 10);
        var other = LogAddress.Local(harness.Log.DurableAddress);
        harness.Append(0, 10, loglet: new LogletId(0, 77));
        await using var copy = harness.CrashCopy();
        StorageHarness.Zero(copy.SegmentFiles().First(), LogAddress.FirstLocal, (int)(other - LogAddress.FirstLocal));
        copy.Open();
        Assert.That(copy.Unknown, Is.EqualTo(new[] { (StorageHarness.Loglet, 0L, long.MaxValue) }));
    }

    [Test]
    public async Task A_reader_that_ran_past_lost_records_of_another_loglet_does_not_go_on_behind_its_own()
    {
        var other = new LogletId(0, 77);
        await using var harness = new StorageHarness(s_options);
        harness.Append(0, 5, loglet: other);
        var lost = LogAddress.Local(harness.Log.DurableAddress);
        harness.Append(0, 16, perRecord: 8);
        var found = LogAddress.Local(harness.Log.DurableAddress);
        harness.Append(5, 10, loglet: other);
        harness.Append(16, 600, perRecord: 20, size: 220, wait: false);
        await harness.Log.CloseForWriting();
        await using var copy = harness.CrashCopy();
        StorageHarness.Zero(copy.SegmentFiles().First(), lost, (int)(found - lost));
        copy.Open();
        Assert.That(copy.Unknown, Is.EqualTo(new[] { (StorageHarness.Loglet, 0L, 16L) }), "nothing of the other one is lost");

        // A reader sees zeros behind the fifth entry, as at the end of a page.
        copy.ReadAndCheck(0, 10, maxBytes: 1, loglet: other);
    }

    [Test]
    public async Task A_damaged_file_is_not_collected_and_the_next_start_reports_it_again()
    {
        await using var harness = new StorageHarness(s_options);
        Seal(harness);
        harness.Append(0, 600, perRecord: 20, size: 220, wait: false);
        await harness.Log.CloseForWriting();
        await using var copy = harness.CrashCopy();
        StorageHarness.Zero(copy.SegmentFiles().First(), 0, 128 << 10);
        copy.Open();
        Assert.That(copy.Damage, Is.Not.Empty);
        FinishMaintenance(copy);
        await copy.Restart();
        Assert.That(copy.Damage, Is.Not.Empty, "the lost records may have been a seal");
        FinishMaintenance(copy);
        await copy.Restart();
        Assert.That(copy.Damage, Is.Not.Empty);
    }

    [Test]
    public async Task A_lost_generation_is_not_collected_and_the_next_start_reports_it_again()
    {
        await using var harness = new StorageHarness(s_options);
        Seal(harness);
        harness.Append(0, 10);
        await harness.Restart();
        harness.Append(10, 20);
        await using var copy = harness.CrashCopy();
        File.Delete(copy.SegmentFiles().First());
        copy.Open();
        Assert.That(copy.Damage, Is.Not.Empty);
        FinishMaintenance(copy);
        await copy.Restart();
        Assert.That(copy.Damage, Is.Not.Empty, "the lost records may have been a seal");
        Assert.That(copy.Unknown, Is.EqualTo(new[] { (StorageHarness.Loglet, 0L, 10L) }));
    }

    [Test]
    public async Task Damaged_files_are_freed_when_everything_that_was_known_at_the_start_is_trimmed()
    {
        await using var harness = new StorageHarness(s_options);
        harness.Append(0, 880, perRecord: 20, size: 220, wait: false);
        harness.Append(880, 900, perRecord: 20, size: 220);
        await using var copy = harness.CrashCopy();
        var file = copy.SegmentFiles().First();
        StorageHarness.Zero(file, 4096, 16384);
        copy.Open();
        Assert.That(copy.Damage, Is.Not.Empty);
        copy.Log.Trim(StorageHarness.Loglet, 900, out _);
        StorageHarness.Until(() => !File.Exists(file), "freed");
    }

    [Test]
    public async Task Damage_at_the_front_of_what_a_trim_left_is_reported()
    {
        await using var harness = new StorageHarness(s_options);
        harness.Append(0, 520, perRecord: 20, size: 220, wait: false);
        Seal(harness);
        harness.Append(520, 600, perRecord: 20, size: 220);
        harness.Log.Trim(StorageHarness.Loglet, 500, out _);
        StorageHarness.Until(() => harness.SegmentFiles().First().EndsWith("00000001.seg", StringComparison.Ordinal), "collected");
        await using var copy = harness.CrashCopy();
        var second = copy.SegmentFiles().First();
        var rest = copy.SegmentFiles().Count();
        StorageHarness.Zero(second, 0, 512);
        copy.Open();
        Assert.That(rest, Is.GreaterThan(0));
        Assert.That(copy.Damage, Is.Not.Empty, "the lost records may have been a seal");
    }

    [Test]
    public async Task A_first_file_that_is_gone_without_a_trim_leaves_the_end_open_of_what_is_not_seen_again()
    {
        await using var harness = new StorageHarness(s_options);
        harness.Append(0, 550, perRecord: 25, size: 220);
        Seal(harness);
        await using var copy = harness.CrashCopy();
        Assert.That(copy.SegmentFiles().Count(), Is.EqualTo(2));
        var seal = LogAddress.Local(harness.Log.DurableAddress) - 76;
        StorageHarness.Zero(copy.SegmentFiles().Last(), 0, (int)(seal - (128 << 10)));
        File.Delete(copy.SegmentFiles().First());
        copy.Open();
        Assert.That(copy.Damage, Is.Not.Empty);
        Assert.That(copy.Unknown, Is.EqualTo(new[] { (StorageHarness.Loglet, 0L, long.MaxValue) }));
    }

    [Test]
    public async Task A_first_file_that_is_gone_without_a_trim_is_damage_also_if_no_entry_is_left()
    {
        await using var harness = new StorageHarness(s_options);
        var other = new LogletId(0, 77);
        harness.Append(0, 500, perRecord: 25, size: 220, loglet: other);
        harness.Append(500, 550, perRecord: 25, size: 220, loglet: other);
        Seal(harness);
        await using var copy = harness.CrashCopy();
        File.Delete(copy.SegmentFiles().First());
        copy.Open();
        Assert.That(copy.Damage, Is.Not.Empty);
        Assert.That(copy.Unknown, Does.Contain((StorageHarness.Loglet, 0L, long.MaxValue)), "of it only the seal is left");
    }

    [Test]
    public async Task Entries_that_stand_in_each_others_place_are_never_read_at_the_wrong_position([Values] bool isProven)
    {
        await using var harness = new StorageHarness(s_options);
        harness.Append(0, 10, perRecord: 10);
        if (isProven) harness.Append(10, 12);
        await using var copy = harness.CrashCopy();
        var path = copy.SegmentFiles().First();
        var bytes = File.ReadAllBytes(path);
        var (a, b) = (EntryAt(3), EntryAt(5));
        for (var i = 0; i < 132; i++) (bytes[a + i], bytes[b + i]) = (bytes[b + i], bytes[a + i]);
        File.WriteAllBytes(path, bytes);
        copy.Open();
        Assert.That(copy.Unknown, isProven ? Is.EqualTo(new[] { (StorageHarness.Loglet, 0L, 10L) }) : Is.Empty);
        Assert.That(copy.RecoveredTail, Is.EqualTo(isProven ? 12 : 0));
        if (isProven) copy.ReadAndCheck(10, 12);

        static int EntryAt(int index) => (int)LogAddress.FirstLocal + 4 + RecordHeader.Size + (index * 132);
    }

    [Test]
    public async Task A_first_file_that_is_gone_leaves_the_end_open_also_if_all_the_rest_was_torn()
    {
        await using var harness = new StorageHarness(s_options);
        harness.Append(0, 550, perRecord: 25, size: 220);
        await using var copy = harness.CrashCopy();
        var files = copy.SegmentFiles().ToArray();
        File.Delete(files[0]);
        StorageHarness.Zero(files[1], 200, 64 << 10);
        copy.Open();
        Assert.That(copy.Damage, Is.Not.Empty);
        Assert.That(copy.Unknown, Is.EqualTo(new[] { (StorageHarness.Loglet, 0L, long.MaxValue) }));
    }

    [Test]
    public async Task A_damaged_copy_from_a_peer_hides_what_it_was_to_replace()
    {
        await using var harness = new StorageHarness(s_options);
        harness.Append(0, 10, perRecord: 10);
        var copied = LogAddress.Local(harness.Log.DurableAddress);
        harness.Append(4, 7, perRecord: 3, kind: RecordKind.RepairEntries);
        harness.Append(10, 12);
        await using var copy = harness.CrashCopy();

        // The second entry's checksum: which of the entries belong there is not known any more.
        StorageHarness.Flip(copy.SegmentFiles().First(), copied + 4 + RecordHeader.Size + 132);
        copy.Open();
        Assert.That(copy.Unknown, Is.EqualTo(new[] { (StorageHarness.Loglet, 4L, 7L) }));
        for (var at = 4; at < 7; at++) Assert.That(copy.Log.ReadEntries(StorageHarness.Loglet, at, 12, 1 << 20, out _), Is.EqualTo(StorageReadStatus.Corrupt), $"at {at}");
        copy.ReadAndCheck(0, 4);
        copy.ReadAndCheck(7, 12);
    }

    [Test]
    public async Task A_hole_in_the_positions_is_reported_as_damage_of_the_log()
    {
        await using var harness = new StorageHarness(s_options);
        Seal(harness);
        harness.Append(0, 900, perRecord: 20, size: 220, wait: false);
        await using var copy = harness.CrashCopy();
        File.Delete(copy.SegmentFiles().First());
        copy.Open();
        Assert.That(copy.Unknown, Is.Not.Empty);
        Assert.That(copy.Damage, Is.Not.Empty, "with the first file a seal may have gone");
    }

    /// <summary>What a start leaves to the maintenance thread, the collection of garbage among it, is done.</summary>
    private static void FinishMaintenance(StorageHarness harness)
    {
        var done = false;
        harness.Store.Group.Maintenance.Post(() => done = true);
        StorageHarness.Until(() => Volatile.Read(ref done), "maintained");
    }

    private static void Seal(StorageHarness harness)
    {
        Assert.That(harness.Log.TryAppend(RecordKind.Seal, StorageHarness.Loglet, 0, [], useReserve: true, out var end), Is.EqualTo(AppendStatus.Ok));
        harness.Log.Kick();
        harness.WaitDurable(end);
    }
}
