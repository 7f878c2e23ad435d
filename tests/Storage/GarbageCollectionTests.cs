using Delos.Daemon.Storage;
using Delos.Protocol.Entries;

namespace Delos.Tests.Storage;

/// <summary>Collection of trimmed files while commits and closings are under way. The maintenance thread is held at will, so that the order of events is the test's, not the scheduler's.</summary>
public class GarbageCollectionTests
{
    [Test]
    public async Task A_log_is_not_deleted_under_a_collection_that_is_under_way()
    {
        await using var harness = new StorageHarness();
        harness.Append(0, 10);
        var log = harness.Log;
        await log.CloseForWriting();
        using var held = HeldMaintenance.Of(harness);
        var deletion = harness.Store.Delete(StorageHarness.Loglet);
        Assert.That(Directory.Exists(log.Path), Is.True, "a pass that finds its files gone ends the node");
        held.ReleaseAndDrain();
        await deletion;
        Assert.That(Directory.Exists(log.Path), Is.False);
    }

    [Test]
    [Category("Trap02")]
    public async Task A_control_record_is_not_lost_when_files_are_collected_twice_before_a_commit()
    {
        var disk = new HeldDisk();
        await using var harness = new StorageHarness(StorageHarness.Small with { Disk = disk, SpareFiles = 0 });
        harness.Log.TryAppend(RecordKind.Config, StorageHarness.Loglet, 0, "config"u8, true, out _);
        harness.Log.TryAppend(RecordKind.Seal, StorageHarness.Loglet, 7, "sealed"u8, true, out _);
        harness.Append(0, 4000, perRecord: 10, size: 500, wait: false);
        var before = harness.SegmentFiles().Count();

        // Two trims become durable while the maintenance thread is held: two collections are queued.
        using (var maintenance = HeldMaintenance.Of(harness))
        {
            harness.Log.Trim(StorageHarness.Loglet, 3800, out var end);
            harness.WaitDurable(end);
            harness.Log.Trim(StorageHarness.Loglet, 3900, out end);
            harness.WaitDurable(end);
            disk.Hold();
            maintenance.ReleaseAndDrain();
        }

        // Whatever the collections wrote anew is not durable yet.
        await using var crashed = harness.CrashCopy();
        disk.Release();
        crashed.Open();
        Assert.That(crashed.Records.Any(r => r is { Kind: RecordKind.Seal, First: 7 }), "the seal");
        Assert.That(crashed.Records.Any(r => r.Kind == RecordKind.Config), "the config");
        Assert.That(crashed.Records.Any(r => r is { Kind: RecordKind.Trim, First: 3900 }), "the trim");

        // The pass that follows the commit frees the files.
        StorageHarness.Until(() => harness.SegmentFiles().Count() < before - 5, "freed");
        Assert.That(harness.Failures, Is.Empty);
    }

    [Test]
    public async Task A_generation_that_waits_to_be_closed_is_not_collected_under_the_closing()
    {
        await using var harness = new StorageHarness(StorageHarness.Small with { SpareFiles = 0 });
        harness.Append(0, 10);
        await harness.Log.CloseForWriting();
        harness.Append(10, 20);
        Task closing;
        using (var maintenance = HeldMaintenance.Of(harness))
        {
            // Queued in this order: a collection, then the closing of the second generation. By the time they run, a trim in the third makes all of the second superfluous.
            harness.Log.Trim(StorageHarness.Loglet, 5, out var end);
            harness.WaitDurable(end);
            closing = harness.Log.CloseForWriting();
            harness.Log.Trim(StorageHarness.Loglet, 20, out end);
            harness.WaitDurable(end);
            maintenance.ReleaseAndDrain();
        }

        await closing.WaitAsync(TimeSpan.FromSeconds(20));
        StorageHarness.Until(() => Directory.GetDirectories(harness.Log.Path).Length == 1, "collected");
        Assert.That(harness.Store.Group.Failure, Is.Null);
        await harness.Restart();
        Assert.That(harness.Unknown, Is.Empty);
        Assert.That(harness.Log.EndOf(StorageHarness.Loglet), Is.EqualTo(20));
    }

    /// <summary>A log whose last record ends exactly where its last file does: nothing of the generation is left when the files below are collected, and its closed marker must not outlive them.</summary>
    [Test]
    public async Task A_generation_that_was_collected_to_the_end_of_a_file_leaves_no_marker_behind()
    {
        await using var harness = new StorageHarness(StorageHarness.Small with { SpareFiles = 0, ReserveBytes = 0 });
        harness.Append(0, 2);
        using (var maintenance = HeldMaintenance.Of(harness))
        {
            // A collection is queued, then the closing; by the time the collection runs all that the generation holds was trimmed.
            harness.Log.Trim(StorageHarness.Loglet, 1, out var end);
            harness.WaitDurable(end);
            var position = FillFile(harness, 2);
            var closing = harness.Log.CloseForWriting();
            harness.Log.Trim(StorageHarness.Loglet, position, out end);
            harness.WaitDurable(end);
            maintenance.ReleaseAndDrain();
            await closing.WaitAsync(TimeSpan.FromSeconds(20));
        }

        await harness.Restart();
        Assert.That(harness.Damage, Is.Empty);
        Assert.That(harness.Unknown, Is.Empty);
    }

    /// <summary>Appends up to the last byte of the first file; the next position.</summary>
    private static long FillFile(StorageHarness harness, long position)
    {
        var overhead = (int)LiveGeneration.RecordEnd(0, EntryCodec.EncodedSize(0));
        while (LogAddress.Local(harness.Log.DurableAddress) is var at && at < StorageHarness.Small.SegmentFileBytes)
        {
            // The last record of a page takes what is left.
            var left = (int)(StorageHarness.Small.PageBytes - at % StorageHarness.Small.PageBytes);
            harness.Append(position, position + 1, size: left - overhead < 2000 ? left - overhead : 1000);
            position++;
        }

        Assert.That(LogAddress.Local(harness.Log.DurableAddress), Is.EqualTo(StorageHarness.Small.SegmentFileBytes));
        return position;
    }
}
