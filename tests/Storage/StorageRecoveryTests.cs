using Delos.Daemon.Storage;
using Delos.Protocol.Identity;

namespace Delos.Tests.Storage;

public class StorageRecoveryTests
{
    [Test]
    public async Task A_copy_taken_while_writing_holds_everything_that_was_durable()
    {
        await using var harness = new StorageHarness();
        long durable = 0;
        var stop = false;
        var writer = Task.Factory.StartNew(
            () =>
            {
                for (long at = 0; !Volatile.Read(ref stop); at += 5)
                {
                    harness.Append(at, at + 5, perRecord: 5);
                    Volatile.Write(ref durable, at + 5);
                }
            },
            TaskCreationOptions.LongRunning);
        try
        {
            for (var round = 0; round < 5; round++)
            {
                StorageHarness.Until(() => Volatile.Read(ref durable) >= 100 * (round + 1), "far enough");
                var promised = Volatile.Read(ref durable);
                await using var copy = harness.CrashCopy();
                copy.Open();
                Assert.That(copy.RecoveredTail, Is.GreaterThanOrEqualTo(promised));

                // Of what is written while the copy is taken, it may hold the later and not the earlier, as a disk may after a power loss.
                Assert.That(copy.Unknown.Select(static u => u.First), Is.All.GreaterThanOrEqualTo(promised));
                copy.ReadAndCheck(0, promised);
            }
        }
        finally
        {
            // A writer left behind would disturb the tests that count what is allocated.
            Volatile.Write(ref stop, true);
            await writer;
        }
    }

    [Test]
    public async Task A_recovered_log_goes_on_in_a_new_generation()
    {
        await using var harness = new StorageHarness();
        harness.Append(0, 30);
        await using var first = harness.CrashCopy();
        first.Open();
        first.Append(30, 60);
        await using var second = first.CrashCopy();
        second.Open();
        Assert.That(second.RecoveredTail, Is.EqualTo(60));
        second.ReadAndCheck(0, 60);
        Assert.That(Directory.GetDirectories(second.Log.Path), Has.Length.EqualTo(2));
    }

    [Test]
    [Category("Trap26")]
    public async Task A_torn_tail_is_cut()
    {
        await using var harness = new StorageHarness();
        harness.Append(0, 30);
        await using var copy = harness.CrashCopy();
        StorageHarness.Flip(copy.SegmentFiles().First(), LastRecord(harness) + 150);
        copy.Open();
        Assert.That(copy.RecoveredTail, Is.EqualTo(29));
        Assert.That(copy.Unknown, Is.Empty);
        copy.ReadAndCheck(0, 29);
        copy.Append(29, 40);
        copy.ReadAndCheck(0, 40);
    }

    [Test]
    [Category("Trap26")]
    public async Task What_one_recovery_reported_the_next_never_takes_for_a_torn_tail()
    {
        await using var harness = new StorageHarness();
        harness.Append(0, 30);
        await using var copy = harness.CrashCopy();
        copy.Open();
        Assert.That(copy.RecoveredTail, Is.EqualTo(30));
        await using var second = copy.CrashCopy();
        StorageHarness.Flip(second.SegmentFiles().First(), LastRecord(harness) + 150);
        second.Open();
        Assert.That(second.RecoveredTail, Is.EqualTo(30));
        Assert.That(second.Unknown, Is.EqualTo(new[] { (StorageHarness.Loglet, 29L, 30L) }));
    }

    [Test]
    [Category("Trap26")]
    public async Task A_checkpoint_when_idle_proves_the_last_records()
    {
        await using var harness = new StorageHarness(StorageHarness.Small with { IdleCheckpoint = TimeSpan.FromMilliseconds(5) });
        var end = harness.Append(0, 30);
        var last = LogAddress.Local(end) - 208;
        StorageHarness.Until(() => !harness.Log.NeedsCheckpoint && harness.Log.DurableAddress > end, "checkpointed");
        await using var copy = harness.CrashCopy();
        StorageHarness.Zero(copy.SegmentFiles().First(), last, 200);
        copy.Open();
        Assert.That(copy.RecoveredTail, Is.EqualTo(30));
        Assert.That(copy.Unknown, Is.EqualTo(new[] { (StorageHarness.Loglet, 29L, 30L) }));
    }

    [Test]
    [Category("Trap26")]
    public async Task A_flipped_byte_anywhere_never_lowers_the_tail()
    {
        await using var harness = new StorageHarness();
        harness.Append(0, 40, perRecord: 4);
        await harness.Log.CloseForWriting();
        var length = new FileInfo(harness.SegmentFiles().First()).Length;
        for (var offset = LogAddress.FirstLocal; offset < length; offset += 37)
        {
            await using var copy = harness.CrashCopy();
            StorageHarness.Flip(copy.SegmentFiles().First(), offset);
            copy.Open();
            Assert.That(copy.RecoveredTail, Is.GreaterThanOrEqualTo(40), $"offset {offset}");

            // Only FasterLog's length and padding may change unnoticed: the record says it all itself.
            var unknown = copy.Unknown.Sum(u => u.End - u.First);
            Assert.That(unknown, Is.LessThanOrEqualTo(4), $"offset {offset}");
            for (long at = 0; at < 40; at++)
            {
                var status = copy.Log.ReadEntries(StorageHarness.Loglet, at, at + 1, 1 << 20, out var result);
                var damaged = copy.Unknown.Any(u => u.First <= at && at < u.End);
                Assert.That(status, Is.EqualTo(damaged ? StorageReadStatus.Corrupt : StorageReadStatus.Ok), $"offset {offset}, position {at}");
                if (!damaged) StorageHarness.Check(result, at);
            }
        }
    }

    [Test]
    [Category("Trap26")]
    public async Task A_damaged_entry_is_unknown_and_its_neighbours_in_the_record_are_not()
    {
        await using var harness = new StorageHarness();
        harness.Append(0, 30, perRecord: 10);
        await harness.Log.CloseForWriting();
        await using var copy = harness.CrashCopy();
        StorageHarness.Flip(copy.SegmentFiles().First(), LogAddress.FirstLocal + 76 + (3 * 132) + 50);
        copy.Open();
        Assert.That(copy.Unknown, Is.EqualTo(new[] { (StorageHarness.Loglet, 3L, 4L) }));
        copy.ReadAndCheck(0, 3);
        copy.ReadAndCheck(4, 30);
        Assert.That(copy.Log.ReadEntries(StorageHarness.Loglet, 3, 30, 1 << 20, out var result), Is.EqualTo(StorageReadStatus.Corrupt));
        Assert.That((result.UnknownFirst, result.UnknownEnd), Is.EqualTo((3L, 4L)));
        copy.Append(3, 4, kind: RecordKind.RepairEntries);
        copy.ReadAndCheck(0, 30);
        await copy.Restart();
        Assert.That(copy.Unknown, Is.Empty);
        copy.ReadAndCheck(0, 30);
    }

    [Test]
    [Category("Trap26")]
    public async Task A_hole_of_zeros_over_pages_and_files_is_damage_not_the_end([Values] bool closed)
    {
        await using var harness = new StorageHarness();
        harness.Append(0, 3000, perRecord: 5, size: 200, wait: false);
        harness.Append(3000, 3010);
        if (closed) await harness.Log.CloseForWriting();
        await using var copy = harness.CrashCopy();
        var files = copy.SegmentFiles().ToArray();
        Assert.That(files, Has.Length.GreaterThan(2));
        StorageHarness.Zero(files[0], 100_000, 256 * 1024 - 100_000);
        StorageHarness.Zero(files[1], 0, 70_000);
        copy.Open();
        Assert.That(copy.RecoveredTail, Is.EqualTo(3010));
        Assert.That(copy.Unknown, Has.Count.EqualTo(1));
        var (_, first, end) = copy.Unknown[0];
        Assert.That(copy.Damage, Is.Not.Empty);
        copy.ReadAndCheck(0, first, size: 200);
        copy.ReadAndCheck(end, 3000, size: 200);
        Assert.That(copy.Log.ReadEntries(StorageHarness.Loglet, (first + end) / 2, 3010, 1 << 20, out _), Is.EqualTo(StorageReadStatus.Corrupt));
        for (var at = first; at < end; at += 5) copy.Append(at, at + 5, perRecord: 5, size: 200, kind: RecordKind.RepairEntries, wait: false);
        copy.ReadAndCheck(0, 3000, size: 200);
        await copy.Restart();
        Assert.That(copy.Unknown, Is.Empty);
        copy.ReadAndCheck(0, 3000, size: 200);
    }

    [Test]
    [Category("Trap26")]
    public async Task A_lost_file_of_a_closed_generation_is_damage([Values(0, 1, -1)] int which)
    {
        await using var harness = new StorageHarness();
        harness.Append(0, 3000, perRecord: 5, size: 200, wait: false);
        await harness.Log.CloseForWriting();
        await using var copy = harness.CrashCopy();
        var files = copy.SegmentFiles().ToArray();
        File.Delete(which < 0 ? files[^1] : files[which]);
        copy.Open();
        Assert.That(copy.RecoveredTail, Is.EqualTo(3000));
        Assert.That(copy.Unknown, Has.Count.EqualTo(1));
        for (long at = 0; at < 3000; at += 50)
        {
            var lost = copy.Unknown.Any(u => u.First <= at && at < u.End);
            var status = copy.Log.ReadEntries(StorageHarness.Loglet, at, at + 1, 1 << 20, out var result);
            Assert.That(status, Is.EqualTo(lost ? StorageReadStatus.Corrupt : StorageReadStatus.Ok), $"position {at}");
            result.Payload?.Release();
        }
    }

    [Test]
    [Category("Trap26")]
    public async Task A_lost_page_of_an_unacknowledged_write_cuts_what_follows_it()
    {
        // Page writes of one commit may land in any order: the second without the first is a torn end, not damage.
        await using var harness = new StorageHarness();
        harness.Append(0, 10);
        var durable = harness.Log.DurableAddress;
        long end = 0;
        for (var i = 0; i < 60; i++)
        {
            using var _ = new Released(StorageHarness.Encode(10 + (i * 20), 20), out var payload);
            Assert.That(harness.Log.TryAppend(RecordKind.Entries, StorageHarness.Loglet, 10 + (i * 20), 20, payload, false, out end), Is.EqualTo(AppendStatus.Ok));
        }

        harness.Log.Kick();
        harness.WaitDurable(end);
        await using var copy = harness.CrashCopy();
        StorageHarness.Zero(copy.SegmentFiles().First(), LogAddress.Local(durable), (64 << 10) - (int)LogAddress.Local(durable));
        copy.Open();
        Assert.That(copy.RecoveredTail, Is.EqualTo(10));
        Assert.That(copy.Unknown, Is.Empty);
        copy.Append(10, 20);
        await copy.Restart();
        Assert.That(copy.RecoveredTail, Is.EqualTo(20), "the records behind the cut must not come back");
        copy.ReadAndCheck(0, 20);
    }

    [Test]
    public async Task Bytes_of_another_generation_never_pass()
    {
        await using var harness = new StorageHarness();
        harness.Append(0, 30);
        await using var copy = harness.CrashCopy();
        var directory = Path.GetDirectoryName(copy.SegmentFiles().First())!;
        GenerationName.TryParse(Path.GetFileName(directory), out var name);
        Directory.Move(directory, Path.Combine(Path.GetDirectoryName(directory)!, (name with { Nonce = name.Nonce ^ 2 }).ToString()));
        copy.Open();
        Assert.That(copy.Records, Is.Empty);
    }

    [Test]
    public async Task A_damaged_control_record_is_reported()
    {
        await using var harness = new StorageHarness();
        harness.Append(0, 3);
        var at = LogAddress.Local(harness.Log.DurableAddress);
        harness.Log.TryAppend(RecordKind.Seal, StorageHarness.Loglet, 3, "x"u8, true, out _);
        harness.Append(3, 6);
        await using var copy = harness.CrashCopy();
        StorageHarness.Flip(copy.SegmentFiles().First(), at + 30);
        copy.Open();
        Assert.That(copy.Damage, Has.Count.EqualTo(1));
        Assert.That(copy.RecoveredTail, Is.EqualTo(6));
        Assert.That(copy.Unknown, Is.Empty, "no position was lost");
    }

    [Test]
    public async Task Damage_behind_which_nothing_more_is_seen_of_a_loglet_leaves_its_end_open()
    {
        await using var harness = new StorageHarness();
        var other = new LogletId(0, 77);
        harness.Append(0, 3);
        harness.Append(0, 3, loglet: other);
        var at = LogAddress.Local(harness.Log.DurableAddress);
        harness.Append(3, 6, loglet: other);
        harness.Append(3, 6);
        harness.Append(6, 9);
        await using var copy = harness.CrashCopy();
        StorageHarness.Zero(copy.SegmentFiles().First(), at, 3 * 208);
        copy.Open();
        Assert.That(copy.Unknown, Is.EqualTo(new[] { (other, 3L, long.MaxValue) }));
        Assert.That(copy.Log.ReadEntries(other, 3, 4, 100, out _), Is.EqualTo(StorageReadStatus.Corrupt));
        copy.Append(3, 6, kind: RecordKind.RepairEntries, loglet: other);
        copy.Log.EndUnknownAt(other, 6);
        Assert.That(copy.Log.UnknownRanges(other), Is.Empty);
        copy.ReadAndCheck(0, 6, loglet: other);
    }

    private static long LastRecord(StorageHarness harness) => LogAddress.Local(harness.Log.DurableAddress) - 208;

    /// <summary>Releases a payload at the end of a scope.</summary>
    private readonly struct Released : IDisposable
    {
        private readonly Delos.Protocol.Blocks.RetainedPayload _payload;

        public Released(Delos.Protocol.Blocks.RetainedPayload payload, out Delos.Protocol.Blocks.RetainedPayload same)
        {
            _payload = payload;
            same = payload;
        }

        public void Dispose() => _payload.Release();
    }
}
