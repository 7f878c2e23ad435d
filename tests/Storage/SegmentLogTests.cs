using Delos.Daemon.Storage;
using Delos.Protocol.Blocks;
using Delos.Protocol.Identity;

namespace Delos.Tests.Storage;

public class SegmentLogTests
{
    [Test]
    public async Task What_was_appended_is_read_back_before_and_after_a_restart()
    {
        await using var harness = new StorageHarness();
        harness.Append(0, 500, perRecord: 7, wait: false);
        harness.ReadAndCheck(0, 500);
        await harness.Restart();
        Assert.That(harness.RecoveredTail, Is.EqualTo(500));
        Assert.That(harness.Unknown, Is.Empty);
        harness.ReadAndCheck(0, 500);
        harness.ReadAndCheck(333, 400, maxBytes: 1);
    }

    [Test]
    public async Task Reads_go_across_generations_and_files()
    {
        await using var harness = new StorageHarness();
        harness.Append(0, 1500, perRecord: 5, size: 500, wait: false);
        await harness.Restart();
        harness.Append(1500, 3000, perRecord: 5, size: 500, wait: false);
        await harness.Log.CloseForWriting();
        harness.Append(3000, 3100, perRecord: 5, size: 500, wait: false);
        Assert.That(harness.SegmentFiles().Count(), Is.GreaterThan(6));
        harness.ReadAndCheck(0, 3100, size: 500);
        harness.ReadAndCheck(0, 3100, size: 500, maxBytes: 10_000);
        await harness.Restart();
        harness.ReadAndCheck(0, 3100, size: 500);
    }

    [Test]
    public async Task A_read_starts_at_exactly_the_position_asked_for_and_stops_at_its_bound()
    {
        await using var harness = new StorageHarness();
        harness.Append(0, 100, perRecord: 10, wait: false);
        for (var first = 0; first < 100; first += 3)
        {
            Assert.That(harness.Log.ReadEntries(StorageHarness.Loglet, first, Math.Min(100, first + 5), 1 << 20, out var result), Is.EqualTo(StorageReadStatus.Ok));
            Assert.That(result.Count, Is.LessThanOrEqualTo(5));
            StorageHarness.Check(result, first);
        }

        Assert.That(harness.Log.ReadEntries(StorageHarness.Loglet, 100, 200, 1 << 20, out _), Is.EqualTo(StorageReadStatus.NotHeld));
        Assert.That(harness.Log.ReadEntries(new LogletId(0, 9), 0, 200, 1 << 20, out _), Is.EqualTo(StorageReadStatus.NotHeld));
    }

    [Test]
    public async Task Stripes_that_share_a_log_are_read_apart()
    {
        await using var harness = new StorageHarness();
        var other = new LogletId(0, 77);
        for (var i = 0; i < 200; i += 10)
        {
            harness.Append(i, i + 10, perRecord: 10, wait: false);
            harness.Append(i, i + 10, perRecord: 5, size: 50, loglet: other, wait: false);
        }

        harness.ReadAndCheck(0, 200);
        harness.ReadAndCheck(0, 200, size: 50, loglet: other);
        await harness.Restart();
        harness.ReadAndCheck(0, 200);
        harness.ReadAndCheck(0, 200, size: 50, loglet: other);
    }

    [Test]
    public async Task Repair_copies_override_what_they_overlap()
    {
        await using var harness = new StorageHarness();
        harness.Append(0, 50, perRecord: 10, size: 60, wait: false);
        await harness.Log.CloseForWriting();
        harness.Append(15, 25, perRecord: 10, size: 100, kind: RecordKind.RepairEntries);
        for (var round = 0; round < 2; round++)
        {
            harness.ReadAndCheck(0, 15, size: 60);
            harness.ReadAndCheck(15, 25, size: 100);
            harness.ReadAndCheck(25, 50, size: 60);
            await harness.Restart();
        }
    }

    [Test]
    public async Task An_entry_as_large_as_a_record_may_be_is_stored_and_a_larger_one_refused()
    {
        await using var harness = new StorageHarness();
        var size = harness.Log.MaxPayloadBytes - 32;
        harness.Append(0, 3, size: size);
        Assert.That(harness.TryAppend(3, 1, size + 1), Is.EqualTo(AppendStatus.TooLarge));
        harness.ReadAndCheck(0, 3, size: size);
        await harness.Restart();
        harness.ReadAndCheck(0, 3, size: size);
    }

    [Test]
    public async Task Control_records_come_back_with_their_payload()
    {
        await using var harness = new StorageHarness();
        harness.Append(0, 3);
        Assert.That(harness.Log.TryAppend(RecordKind.Config, StorageHarness.Loglet, 0, "config"u8, false, out _), Is.EqualTo(AppendStatus.Ok));
        Assert.That(harness.Log.TryAppend(RecordKind.Seal, StorageHarness.Loglet, 3, [], true, out var end), Is.EqualTo(AppendStatus.Ok));
        harness.Log.Kick();
        harness.WaitDurable(end);
        await harness.Restart();
        Assert.That(harness.Records.Select(r => r.Kind), Is.EqualTo(new[] { RecordKind.Entries, RecordKind.Entries, RecordKind.Entries, RecordKind.Config, RecordKind.Seal }));
        Assert.That(harness.Records[3].PayloadLength, Is.EqualTo(6));
        Assert.That(harness.Records[4].First, Is.EqualTo(3));
    }

    [Test]
    public async Task A_trim_frees_files_and_keeps_the_seal()
    {
        await using var harness = new StorageHarness();
        harness.Log.TryAppend(RecordKind.Seal, StorageHarness.Loglet, 7, "sealed"u8, true, out _);
        harness.Append(0, 4000, perRecord: 10, size: 500, wait: false);
        var before = harness.SegmentFiles().Count();
        Assert.That(harness.Log.Trim(StorageHarness.Loglet, 3900, out var end), Is.EqualTo(AppendStatus.Ok));
        harness.WaitDurable(end);
        StorageHarness.Until(() => harness.SegmentFiles().Count() < before - 5, "freed");
        StorageHarness.Until(() => harness.Store.Group.Counters.BytesFreed > 0, "counted");
        Assert.That(harness.Log.ReadEntries(StorageHarness.Loglet, 3899, 4000, 1 << 20, out _), Is.EqualTo(StorageReadStatus.Trimmed));
        harness.ReadAndCheck(3900, 4000, size: 500);
        await harness.Restart();
        Assert.That(harness.Unknown, Is.Empty, "a trimmed prefix is not damage");
        Assert.That(harness.Records.Any(r => r is { Kind: RecordKind.Seal, First: 7 }), "the seal outlives its file");
        Assert.That(harness.Log.ReadEntries(StorageHarness.Loglet, 3899, 4000, 1 << 20, out _), Is.EqualTo(StorageReadStatus.Trimmed));
        harness.ReadAndCheck(3900, 4000, size: 500);
        Assert.That(harness.RecoveredTail, Is.EqualTo(4000));
    }

    [Test]
    public async Task A_trim_of_everything_deletes_closed_generations()
    {
        await using var harness = new StorageHarness();
        harness.Append(0, 2000, perRecord: 10, size: 500, wait: false);
        await harness.Restart();
        harness.Log.Trim(StorageHarness.Loglet, 2000, out var end);
        harness.WaitDurable(end);
        StorageHarness.Until(() => Directory.GetDirectories(harness.Log.Path).Length == 1, "deleted");
        await harness.Restart();
        Assert.That(harness.Records.Where(r => r.Kind == RecordKind.Trim).Select(r => r.First), Does.Contain(2000));
        Assert.That(harness.Unknown, Is.Empty);
    }

    [Test]
    public async Task A_sealed_log_is_left_alone_by_restarts()
    {
        await using var harness = new StorageHarness();
        harness.Append(0, 10);
        harness.Log.TryAppend(RecordKind.Seal, StorageHarness.Loglet, 10, [], true, out _);
        await harness.Log.CloseForWriting();
        await harness.Restart();
        await harness.Restart();
        Assert.That(Directory.GetDirectories(harness.Log.Path), Has.Length.EqualTo(1));
        Assert.That(new FileInfo(harness.SegmentFiles().Single()).Length, Is.LessThan(4096), "no space is held beyond the tail");
        Assert.That(harness.Records.Last().Kind, Is.EqualTo(RecordKind.Seal));
    }

    [Test]
    public async Task Many_logs_commit_side_by_side()
    {
        await using var harness = new StorageHarness();
        var ids = Enumerable.Range(1, 40).Select(i => new LogletId(0, (ulong)i)).ToArray();
        var ends = new Dictionary<LogletId, long>();
        for (var round = 0; round < 20; round++)
        {
            foreach (var id in ids)
            {
                var payload = StorageHarness.Encode(round, 1);
                Assert.That(harness.Store.TryGetOrCreate(id)!.TryAppend(RecordKind.Entries, id, round, 1, payload, false, out var end), Is.EqualTo(AppendStatus.Ok));
                payload.Release();
                ends[id] = end;
                harness.Store.TryGetOrCreate(id)!.Kick();
            }
        }

        StorageHarness.Until(() => ids.All(id => harness.Store.Find(id)!.DurableAddress >= ends[id]), "durable");
        await harness.Restart();
        Assert.That(harness.Store.Logs.Select(l => l.Id), Is.EqualTo(ids));
        foreach (var id in ids)
        {
            Assert.That(harness.Store.Find(id)!.ReadEntries(id, 0, 20, 1 << 20, out var result), Is.EqualTo(StorageReadStatus.Ok));
            Assert.That(StorageHarness.Check(result, 0), Is.EqualTo(20));
        }
    }

    [Test]
    public async Task A_deleted_log_is_gone()
    {
        await using var harness = new StorageHarness();
        harness.Append(0, 100);
        var log = harness.Log;
        await harness.Store.Delete(StorageHarness.Loglet);
        Assert.That(log.TryAppend(RecordKind.Seal, StorageHarness.Loglet, 0, [], false, out _), Is.EqualTo(AppendStatus.Closed));
        await harness.Restart();
        Assert.That(harness.Records, Is.Empty);
    }

    [Test]
    public async Task Appenders_and_readers_work_at_once()
    {
        await using var harness = new StorageHarness();
        var log = harness.Log;
        long durable = 0;
        var writer = Task.Factory.StartNew(
            () =>
            {
                for (long at = 0; at < 20_000; at += 20)
                {
                    harness.Append(at, at + 20, perRecord: 20, wait: false);
                    Volatile.Write(ref durable, at + 20);
                }
            },
            TaskCreationOptions.LongRunning);
        var readers = Enumerable.Range(0, 3).Select(_ => Task.Factory.StartNew(
            () =>
            {
                long at = 0;
                while (at < 20_000)
                {
                    var status = log.ReadEntries(StorageHarness.Loglet, at, Volatile.Read(ref durable), 50_000, out var result);
                    if (status == StorageReadStatus.Ok) at = StorageHarness.Check(result, at);
                    else Assert.That(status, Is.EqualTo(StorageReadStatus.NotHeld));
                }
            },
            TaskCreationOptions.LongRunning)).ToArray();
        await writer;
        await Task.WhenAll(readers);
        Assert.That(log.UnknownRanges(StorageHarness.Loglet), Is.Empty);
    }

    [Test]
    public async Task An_append_allocates_nothing_in_steady_state()
    {
        await using var harness = new StorageHarness(new StorageOptions { SegmentFileBytes = 16 << 20, SpareFiles = 0 });
        var log = harness.Log;
        var payload = StorageHarness.Encode(0, 1, 128);
        long position = 0;

        // Every page of the memory was used once, and nothing is being committed while it is measured: a commit allocates, once for many records.
        AppendMany(100_000, kick: true);
        StorageHarness.Until(() => log.Group.Counters.RecordsAppended == 100_000 && !log.IsDirty, "quiet");
        var before = GC.GetAllocatedBytesForCurrentThread();
        AppendMany(20_000, kick: false);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        // The index grows by a mark in 64 KiB; FasterLog allocates at the end of a page.
        Assert.That(allocated / 20_000.0, Is.LessThan(0.5));
        payload.Release();

        void AppendMany(int count, bool kick)
        {
            for (var i = 0; i < count; i++)
            {
                AppendStatus status;
                while ((status = log.TryAppend(RecordKind.Entries, StorageHarness.Loglet, position, 1, payload, false, out _)) == AppendStatus.Busy) Thread.Yield();
                if (status != AppendStatus.Ok) throw new InvalidOperationException(status.ToString());
                if (++position % 64 == 0 && kick) log.Kick();
            }

            log.Kick();
        }
    }

    [Test]
    public async Task An_append_that_finds_the_memory_full_allocates_nothing_and_finds_room_after_the_commit()
    {
        var disk = new HeldDisk();
        await using var harness = new StorageHarness(new StorageOptions { SegmentFileBytes = 16 << 20, PageBytes = 256 << 10, PageMemoryBytes = 4 << 20, SpareFiles = 0, Disk = disk });
        var log = harness.Log;
        var payload = StorageHarness.Encode(0, 16, 1000);
        long position = 0;
        disk.Hold();
        while (TryAppend() == AppendStatus.Ok) position += 16;
        Assert.That(TryAppend(), Is.EqualTo(AppendStatus.Busy));
        Assert.That(position * 1000, Is.GreaterThan(3 << 20), "nearly all of the memory is used");

        // Both of the I/O thread's lists of kicked logs have been used once.
        StorageHarness.Until(() => disk.IsHolding, "held");
        TryAppend();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++) TryAppend();
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
        disk.Release();
        StorageHarness.Until(() => TryAppend() == AppendStatus.Ok, "accepted again");
        payload.Release();

        AppendStatus TryAppend() => log.TryAppend(RecordKind.Entries, StorageHarness.Loglet, position, 16, payload, false, out _);
    }

    [Test]
    public async Task Reads_leave_no_block_behind()
    {
        await using var harness = new StorageHarness();
        harness.Append(0, 200, perRecord: 10, size: 700, wait: false);
        var before = BlockPool.Shared.LiveBlocks;
        harness.ReadAndCheck(0, 200, size: 700);
        Assert.That(BlockPool.Shared.LiveBlocks, Is.EqualTo(before));
    }
}
