using System.Diagnostics;
using Delos.Daemon.Storage;
using Delos.LocalStorage;
using Microsoft.Win32.SafeHandles;

namespace Delos.Tests.Storage;

public class DiskFaultTests
{
    [Test]
    [Category("Trap25")]
    public async Task After_a_write_error_nothing_is_durable_any_more_and_every_append_fails([Values(5, 28)] int errno)
    {
        var disk = new FaultyDisk();
        await using var harness = new StorageHarness(StorageHarness.Small with { Disk = disk, SpareFiles = 0 });
        harness.Append(0, 10);
        var durable = harness.Log.DurableAddress;
        disk.FailWrites = errno;
        Assert.That(harness.TryAppend(10, 1), Is.EqualTo(AppendStatus.Ok));
        StorageHarness.Until(() => harness.Failures.Count > 0, "failed");
        disk.FailWrites = 0;
        Assert.That(harness.TryAppend(11, 1), Is.EqualTo(AppendStatus.Failed));
        Assert.That(harness.Log.DurableAddress, Is.EqualTo(durable));
        Assert.That(harness.Announced, Is.EqualTo(durable));
        Assert.That(harness.Failures, Has.Count.EqualTo(1));
        Assert.That(harness.Failures.First(), Is.TypeOf<IoException>().With.Property("Errno").EqualTo(errno));
        Assert.That(disk.WritesAfterFailure, Is.Zero, "never tried again");
        harness.ReadAndCheck(0, 10);
    }

    [Test]
    [Category("Trap25")]
    public async Task An_error_of_fdatasync_when_closing_fails_the_disk()
    {
        var disk = new FaultyDisk();
        await using var harness = new StorageHarness(StorageHarness.Small with { Disk = disk, SpareFiles = 0 });
        harness.Append(0, 10);
        disk.FailSyncs = 5;
        _ = harness.Log.CloseForWriting();
        StorageHarness.Until(() => harness.Failures.Count > 0, "failed");
        Assert.That(harness.TryAppend(10, 1), Is.EqualTo(AppendStatus.Failed));
    }

    [Test]
    public async Task Closing_ends_even_when_the_disk_fails_meanwhile()
    {
        var disk = new FaultyDisk();
        await using var harness = new StorageHarness(StorageHarness.Small with { Disk = disk, SpareFiles = 0 });
        harness.Append(0, 10);
        disk.FailWrites = 5;
        harness.TryAppend(10, 1);
        await harness.Log.CloseForWriting().WaitAsync(TimeSpan.FromSeconds(20));
        await harness.Log.CloseForWriting().WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Test]
    public async Task A_listener_that_comes_after_the_failure_is_told()
    {
        var disk = new FaultyDisk();
        await using var harness = new StorageHarness(StorageHarness.Small with { Disk = disk, SpareFiles = 0 });
        var log = harness.Store.TryGetOrCreate(StorageHarness.Loglet)!;
        disk.FailWrites = 5;
        log.TryAppend(RecordKind.Seal, StorageHarness.Loglet, 0, [], false, out _);
        log.Kick();
        StorageHarness.Until(() => harness.Store.Group.Failure is not null, "failed");
        StorageHarness.Until(() => { log.Listener = harness; return harness.Failures.Count > 0; }, "told");
    }

    [Test]
    public async Task No_space_refuses_appends_and_they_work_again_when_space_returns()
    {
        var disk = new FaultyDisk();
        await using var harness = new StorageHarness(StorageHarness.Small with { Disk = disk, SpareFiles = 0 });
        harness.Append(0, 10);
        disk.FailAllocations = 28;
        var position = Fill(harness, 10);
        Assert.That(harness.Log.TryAppend(RecordKind.Seal, StorageHarness.Loglet, position, "seal"u8, useReserve: true, out var end), Is.EqualTo(AppendStatus.Ok));
        harness.Log.Kick();
        harness.WaitDurable(end);
        harness.ReadAndCheck(0, position);
        var announced = harness.Announcements;
        disk.FailAllocations = 0;
        StorageHarness.Until(() => harness.Announcements > announced, "told that it may try again");
        harness.Append(position, position + 100);
        harness.ReadAndCheck(0, position + 100);
        Assert.That(harness.Failures, Is.Empty);
    }

    [Test]
    public async Task Who_waits_for_the_next_file_is_told_when_there_is_no_room_for_one()
    {
        var disk = new FaultyDisk();
        await using var harness = new StorageHarness(StorageHarness.Small with { Disk = disk, SpareFiles = 0 });
        using var held = HeldMaintenance.Of(harness);
        var position = 0L;
        AppendStatus status;
        while ((status = harness.TryAppend(position, 1)) == AppendStatus.Ok || harness.Log.IsDirty) position += status == AppendStatus.Ok ? 1 : 0;
        Assert.That(status, Is.EqualTo(AppendStatus.Busy), "nobody knows yet whether there is room");
        var announced = harness.Announcements;
        disk.FailAllocations = 28;
        held.ReleaseAndDrain();
        StorageHarness.Until(() => harness.Announcements > announced, "told to try again");
        Assert.That(harness.TryAppend(position, 1), Is.EqualTo(AppendStatus.NoSpace));
    }

    [Test]
    public async Task A_log_without_a_file_can_be_sealed_on_a_full_disk()
    {
        var disk = new FaultyDisk();
        await using var harness = new StorageHarness(StorageHarness.Small with { Disk = disk, SpareFiles = 0 });
        harness.Append(0, 10);
        await harness.Log.CloseForWriting();
        disk.FailAllocations = 28;
        disk.SmallestRefused = StorageHarness.Small.SegmentFileBytes;
        Assert.That(harness.TryAppend(10, 1), Is.EqualTo(AppendStatus.NoSpace));
        Assert.That(harness.Log.TryAppend(RecordKind.Seal, StorageHarness.Loglet, 10, [], useReserve: true, out var end), Is.EqualTo(AppendStatus.Ok));
        harness.Log.Kick();
        harness.WaitDurable(end);
        Assert.That(harness.TryAppend(10, 1), Is.EqualTo(AppendStatus.NoSpace));
        disk.FailAllocations = 0;
        StorageHarness.Until(() => harness.TryAppend(10, 1) == AppendStatus.Ok, "accepted again");
        StorageHarness.Until(() => !harness.Log.IsDirty, "durable");
        harness.ReadAndCheck(0, 11);
        await harness.Restart();
        Assert.That(harness.Records.Any(r => r.Kind == RecordKind.Seal));
        harness.ReadAndCheck(0, 11);
    }

    [Test]
    public async Task Trims_on_a_full_disk_do_not_use_up_the_room_of_a_seal([Values] bool closed)
    {
        var disk = new FaultyDisk();
        await using var harness = new StorageHarness(StorageHarness.Small with { Disk = disk, SpareFiles = 0 });
        harness.Append(0, 5000, perRecord: 10);
        if (closed) await harness.Log.CloseForWriting();
        disk.FailAllocations = 28;
        disk.SmallestRefused = StorageHarness.Small.SegmentFileBytes;
        var position = Fill(harness, 5000);

        // An application goes on trimming, each time too little to free a file: more often than a file's reserve, or one file from the disk's, has room for.
        for (var i = 1; i <= 1500; i++)
        {
            AppendStatus status;
            long trimmed;
            while ((status = harness.Log.Trim(StorageHarness.Loglet, i, out trimmed)) == AppendStatus.Busy) Thread.Yield();
            Assert.That(status, Is.EqualTo(AppendStatus.Ok), $"trim {i}");
            if (i % 100 == 0) harness.WaitDurable(trimmed);
        }

        Assert.That(harness.Log.TryAppend(RecordKind.Seal, StorageHarness.Loglet, position, "seal"u8, useReserve: true, out var end), Is.EqualTo(AppendStatus.Ok));
        harness.Log.Kick();
        harness.WaitDurable(end);
        harness.ReadAndCheck(1500, position);

        // Whoever is refused is told that it may try again, though the file that it would have waited for is not made any more.
        var announced = harness.Announcements;
        Assert.That(harness.TryAppend(position, 1), Is.EqualTo(AppendStatus.NoSpace));
        disk.FailAllocations = 0;
        StorageHarness.Until(() => harness.Announcements > announced, "told that it may try again");
        harness.Append(position, position + 10);
        await harness.Restart();
        Assert.That(harness.Records.Any(r => r.Kind == RecordKind.Seal), "the seal");
        Assert.That(harness.Unknown, Is.Empty);
        Assert.That(harness.Damage, Is.Empty);
        harness.ReadAndCheck(1500, position + 10);
        Assert.That(harness.Failures, Is.Empty);
    }

    [Test]
    [Category("Process")]
    public async Task A_really_full_file_system_refuses_appends_takes_the_seal_and_recovers()
    {
        var mount = Path.Combine(Path.GetTempPath(), "delos-full-" + Guid.NewGuid().ToString("n"));
        Directory.CreateDirectory(mount);
        if (Shell("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", mount) != 0)
        {
            Directory.Delete(mount);
            Assert.Ignore("mounting needs root");
        }

        try
        {
            var filler = Path.Combine(mount, "filler");
            await using (var harness = new StorageHarness(directory: Path.Combine(mount, "store")))
            {
                harness.Append(0, 10);
                FillDisk(filler);
                var position = Fill(harness, 10);
                Assert.That(harness.Log.TryAppend(RecordKind.Seal, StorageHarness.Loglet, position, "seal"u8, useReserve: true, out var end), Is.EqualTo(AppendStatus.Ok));
                harness.Log.Kick();
                harness.WaitDurable(end);
                harness.ReadAndCheck(0, position);

                // A restart on the full disk: still readable, still sealable.
                await harness.Restart();
                harness.ReadAndCheck(0, position);
                FillDisk(filler + "2");
                Assert.That(harness.TryAppend(position, 1), Is.EqualTo(AppendStatus.NoSpace));
                Assert.That(harness.Log.TryAppend(RecordKind.Seal, StorageHarness.Loglet, position, "seal"u8, useReserve: true, out end), Is.EqualTo(AppendStatus.Ok));
                harness.Log.Kick();
                harness.WaitDurable(end);

                File.Delete(filler);
                File.Delete(filler + "2");
                StorageHarness.Until(() => harness.TryAppend(position, 1) == AppendStatus.Ok, "accepted again");
                harness.Append(position + 1, position + 100);
                harness.ReadAndCheck(0, position + 100);
                Assert.That(harness.Failures, Is.Empty);
            }
        }
        finally
        {
            Shell("umount", mount);
            Directory.Delete(mount);
        }
    }

    [Test]
    public void A_data_directory_is_locked_and_errors_say_why()
    {
        var path = Path.Combine(Path.GetTempPath(), "delos-dir-" + Guid.NewGuid().ToString("n"));
        using (var first = DataDirectory.Open(path))
        {
            Assert.That(() => DataDirectory.Open(path), Throws.TypeOf<DataDirectoryException>().With.Message.Contains("another delosd").And.Message.Contains(path));
            Assert.That(Directory.Exists(first.Sub("logserver")));
        }

        DataDirectory.Open(path).Dispose();
        Assert.That(() => DataDirectory.Open("/proc/delos"), Throws.TypeOf<DataDirectoryException>());
        Assert.That(() => DataDirectory.Open("/sys"), Throws.TypeOf<DataDirectoryException>().With.Message.Contains("cannot be written"));
        Directory.Delete(path, recursive: true);
    }

    /// <summary>Appends until it is refused for good; the position that was refused.</summary>
    private static long Fill(StorageHarness harness, long position)
    {
        StorageHarness.Until(
            () =>
            {
                AppendStatus status;
                while ((status = harness.TryAppend(position, 1, 1000)) == AppendStatus.Ok) position++;
                if (status == AppendStatus.Busy) return false;
                Assert.That(status, Is.EqualTo(AppendStatus.NoSpace));
                return true;
            },
            "full");
        StorageHarness.Until(() => !harness.Log.IsDirty, "durable");
        return position;
    }

    private static void FillDisk(string path)
    {
        using var file = File.Create(path);
        var block = new byte[64 << 10];
        try
        {
            while (true) RandomAccess.Write(file.SafeFileHandle, block, file.Position += block.Length);
        }
        catch (IOException)
        {
            // Full.
        }
    }

    private static int Shell(string command, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode;
    }

    private sealed class FaultyDisk : DiskOperations
    {
        private int _failed;
        private int _writesAfterFailure;

        public volatile int FailWrites;
        public volatile int FailSyncs;
        public volatile int FailAllocations;

        public long SmallestRefused { get; set; }

        public int WritesAfterFailure => _writesAfterFailure;

        public override void Write(SafeFileHandle file, ReadOnlySpan<byte> source, long offset, string path)
        {
            Check(path);
            base.Write(file, source, offset, path);
        }

        public override void Write(SafeFileHandle file, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, long offset, string path)
        {
            Check(path);
            base.Write(file, first, second, offset, path);
        }

        public override void DataSync(SafeFileHandle file, string path)
        {
            if (FailSyncs != 0) throw new IoException("fdatasync", path, FailSyncs);
            base.DataSync(file, path);
        }

        public override void Allocate(SafeFileHandle file, long offset, long length, string path)
        {
            if (FailAllocations != 0 && length >= SmallestRefused) throw new IoException("posix_fallocate", path, FailAllocations);
            base.Allocate(file, offset, length, path);
        }

        private void Check(string path)
        {
            if (_failed != 0) Interlocked.Increment(ref _writesAfterFailure);
            if (FailWrites == 0) return;
            _failed = 1;
            throw new IoException("pwrite", path, FailWrites);
        }
    }
}
