using Delos.Daemon.LogServers;
using Delos.Daemon.Storage;
using Delos.LocalStorage;
using Delos.Protocol.Blocks;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Delos.Tests.Storage;
using Microsoft.Win32.SafeHandles;
using static Delos.Tests.LogServers.LogServerHarness;

namespace Delos.Tests.LogServers;

/// <summary>Full, failing and damaged disks; a disk too slow for its stores; laggards.</summary>
public sealed class DiskFaultTests
{
    private static readonly LogletConfig s_config = Config(1);

    [Test]
    public async Task A_full_disk_refuses_stores_still_seals_still_reads_and_recovers_unaided()
    {
        var disk = new FaultyDisk();
        await using var server = await StartAsync(storage: SmallStorage with { Disk = disk, SpaceRetry = TimeSpan.FromMilliseconds(20) });
        var sequencer = await server.ConnectAsync();
        await sequencer.StoreAsync(s_config, 0, 1);
        await sequencer.StoreAsync(Config(2), 0, 1);
        disk.IsFull = true;
        var ack = await sequencer.StoreAsync(s_config, 1, 200);
        while (ack.Status == StatusCode.Ok) ack = await sequencer.StoreAsync(s_config, ack.DurableTail, 200);
        while (ack.Status != StatusCode.DiskFull) ack = await sequencer.StoreAsync(s_config, ack.AcceptedTail, 200);
        Assert.That((await sequencer.ReadAsync(s_config.Id, 0, 1, 1)).Entries, Is.EqualTo(Entries(0, 1)));
        Assert.That((await sequencer.SealAsync(Config(2))).Status, Is.EqualTo(StatusCode.Ok));
        Assert.That((await sequencer.StoreAsync(Config(3), 0, 1)).Status, Is.EqualTo(StatusCode.DiskFull));

        disk.IsFull = false;
        var tail = ack.AcceptedTail;
        do ack = await sequencer.StoreAsync(s_config, ack.AcceptedTail, 200);
        while (ack.Status != StatusCode.Ok || ack.DurableTail < tail + 200);
        Assert.That(server.Fatal, Is.Null);
    }

    [Test]
    public async Task A_LogServer_starts_on_a_full_disk_and_can_still_delete_there()
    {
        var directory = Directory.CreateTempSubdirectory("delos-full-").FullName;
        try
        {
            var disk = new FaultyDisk();
            var storage = SmallStorage with { Disk = disk, JournalRewriteBytes = 4 << 10 };
            await using (var server = await StartAsync(directory, storage))
            {
                await (await server.ConnectAsync()).StoreAsync(s_config, 0, 1);

                // Enough tombstones for a start to rewrite the catalog.
                for (var id = 100; id < 200; id++) await server.Service.DeleteAsync(Config(id).Id);
            }

            disk.IsFull = true;
            await using (var server = await StartAsync(directory, storage))
            {
                Assert.That(await server.Service.DeleteAsync(s_config.Id), Is.EqualTo(StatusCode.Ok));
                Assert.That(server.Fatal, Is.Null);
            }

            disk.IsFull = false;
            await using (var server = await StartAsync(directory, storage))
            {
                var peer = await server.ConnectAsync();
                Assert.That((await peer.StatusAsync(s_config.Id)).Status, Is.EqualTo(StatusCode.Deleted));
                Assert.That((await peer.StatusAsync(Config(150).Id)).Status, Is.EqualTo(StatusCode.Deleted));
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Test, Category("Trap25")]
    public async Task After_an_IO_error_nothing_is_acknowledged_and_the_host_is_told()
    {
        var disk = new FaultyDisk();
        await using var server = await StartAsync(storage: SmallStorage with { Disk = disk });
        var sequencer = await server.ConnectAsync();
        await sequencer.StoreAsync(s_config, 0, 1);
        disk.IsBroken = true;
        Assert.That((await sequencer.StoreAsync(s_config, 1, 1)).Status, Is.EqualTo(StatusCode.IoError));
        disk.IsBroken = false;
        Assert.That((await sequencer.StoreAsync(s_config, 1, 1)).Status, Is.EqualTo(StatusCode.IoError));
        Assert.That(server.Fatal, Is.Not.Null);
        Assert.That(() => sequencer.SealAsync(s_config), Throws.InstanceOf<Protocol.Connections.DelosProtocolException>().With.Property("Code").EqualTo(StatusCode.IoError));
    }

    [Test]
    public async Task The_latest_entries_are_read_from_memory_and_before_long_from_the_disk([Values] bool isLater)
    {
        await using var server = await StartAsync(options: new LogServerOptions { TickInterval = isLater ? TimeSpan.FromMilliseconds(10) : TimeSpan.FromHours(1) });
        var peer = await server.ConnectAsync();
        await peer.FillAsync(s_config, 10);
        Flip(server.DataDirectory, Entries(5, 1));
        var (reply, entries) = await peer.ReadAsync(s_config.Id, 5, 10, 10);
        if (!isLater)
        {
            Assert.That(reply.Count, Is.EqualTo(5));
            Assert.That(entries, Is.EqualTo(Entries(5, 5)));
            return;
        }

        var end = DateTime.UtcNow + Patience;
        while (reply.Status == StatusCode.Ok && DateTime.UtcNow < end) (reply, _) = await peer.ReadAsync(s_config.Id, 5, 10, 10);
        Assert.That(reply.Status, Is.EqualTo(StatusCode.Corrupt));
    }

    [Test, Category("Trap26")]
    public async Task A_damaged_entry_is_Corrupt_not_absent_and_a_peers_copy_heals_it()
    {
        await using var server = await StartAsync();
        var sequencer = await server.ConnectAsync();
        await sequencer.FillAsync(s_config, 499);

        // What comes in a later commit proves that the damaged record was durable: else it would pass for a torn end.
        await sequencer.StoreAsync(s_config, 499, 1);
        await using var damaged = await server.CrashAsync(copy => Flip(copy, Entries(123, 1)));
        var noticed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        damaged.Service.LaggardNoticed += _ => noticed.TrySetResult();
        var peer = await damaged.ConnectAsync();
        var status = await peer.StatusAsync(s_config.Id);
        Assert.That((status.Status, status.DurableTail), Is.EqualTo((StatusCode.Ok, 500L)));
        long next = 0;
        ReadReply reply;
        do
        {
            (reply, _) = await peer.ReadAsync(s_config.Id, next, 500, 500);
            next += reply.Count;
        }
        while (reply.Status == StatusCode.Ok && next < 500);
        Assert.That(reply.Status, Is.EqualTo(StatusCode.Corrupt));
        Assert.That(next, Is.LessThanOrEqualTo(123));
        await noticed.Task.WaitAsync(Patience);

        var unknown = damaged.Service.GetReplica(s_config.Id)!.Unknown[0];
        Assert.That(unknown.First <= 123 && 123 < unknown.End, Is.True);
        var count = (int)(unknown.End - unknown.First);
        var copies = RetainedPayload.Copy(Entries(unknown.First, count));
        Assert.That(await damaged.Service.PatchAsync(s_config.Id, unknown.First, copies, (uint)count), Is.EqualTo(StatusCode.Ok));
        copies.Release();
        Assert.That((await peer.StatusAsync(s_config.Id)).HasUnknown, Is.False);
        next = 0;
        while (next < 500)
        {
            (reply, var entries) = await peer.ReadAsync(s_config.Id, next, 500, 500);
            Assert.That(entries, Is.EqualTo(Entries(next, (int)reply.Count)));
            next += reply.Count;
        }
    }

    [Test]
    public async Task A_slow_disk_slows_the_sequencer_down_and_loses_nothing()
    {
        var disk = new FaultyDisk();
        await using var server = await StartAsync(
            storage: SmallStorage with { Disk = disk, SegmentFileBytes = 16 << 20 }, options: new LogServerOptions { MaxInFlightBytes = 256 << 10, MaxInFlightBytesPerLog = 128 << 10 });
        var sequencer = await server.ConnectAsync();
        await sequencer.StoreAsync(s_config, 0, 1);
        disk.Hold();
        const int total = 40_000;
        for (long first = 1; first < total; first += 50) sequencer.EnqueueStore(s_config, first, (int)Math.Min(50, total - first), withConfig: false);
        sequencer.Connection.Flush();
        await UntilAsync(() => server.Service.InFlightBytes > 128 << 10);
        var most = server.Service.InFlightBytes;
        disk.Release();
        StoreAck ack;
        do
        {
            ack = await sequencer.NextAsync<StoreAck>();
            Assert.That(ack.Status, Is.EqualTo(StatusCode.Ok));
            most = Math.Max(most, server.Service.InFlightBytes);
        }
        while (ack.DurableTail < total);
        Assert.That(most, Is.LessThan(2 << 20));
        Assert.That(server.Service.InFlightBytes, Is.Zero);
    }

    [Test]
    public async Task A_laggard_is_noticed_and_refilled_with_committed_entries_which_its_sequencer_hears_of()
    {
        await using var server = await StartAsync(options: new LogServerOptions { TickInterval = TimeSpan.FromMilliseconds(10) });
        var noticed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Service.LaggardNoticed += _ => noticed.TrySetResult();
        var sequencer = await server.ConnectAsync();
        await sequencer.StoreAsync(s_config, 0, 10);
        sequencer.Announce(s_config, 30);
        await noticed.Task.WaitAsync(Patience);
        Assert.That(await RefillAsync(15, 5), Is.EqualTo(StatusCode.OutOfOrder));
        Assert.That(await RefillAsync(10, 21), Is.EqualTo(StatusCode.LimitExceeded));
        Assert.That(await RefillAsync(5, 25), Is.EqualTo(StatusCode.Ok));
        Assert.That((await sequencer.NextAsync<StoreAck>()).DurableTail, Is.EqualTo(30));
        Assert.That((await sequencer.ReadAsync(s_config.Id, 0, 30, 30)).Entries, Is.EqualTo(Entries(0, 30)));

        async Task<StatusCode> RefillAsync(long first, int count)
        {
            var payload = RetainedPayload.Copy(Entries(first, count));
            var status = await server.Service.RefillAsync(s_config.Id, first, payload, (uint)count);
            payload.Release();
            return status;
        }
    }

    [Test]
    public async Task A_replica_whose_first_records_are_a_peers_entries_or_a_trim_keeps_its_config()
    {
        await using var server = await StartAsync();
        var sequencer = await server.ConnectAsync();

        // Refused, but from here on the replica is known, with its config and the global tail: a laggard that was away when its Loglet began.
        Assert.That((await sequencer.StoreAsync(s_config, 30, 1, globalTail: 30)).Status, Is.EqualTo(StatusCode.OutOfOrder));
        Assert.That((await sequencer.StoreAsync(Config(2), 30, 1, globalTail: 30)).Status, Is.EqualTo(StatusCode.OutOfOrder));
        var payload = RetainedPayload.Copy(Entries(0, 20));
        Assert.That(await server.Service.RefillAsync(s_config.Id, 0, payload, 20), Is.EqualTo(StatusCode.Ok));
        payload.Release();
        Assert.That((await sequencer.NextAsync<StoreAck>()).DurableTail, Is.EqualTo(20));
        Assert.That(await sequencer.TrimAsync(Config(2).Id, 10, 30), Is.EqualTo(new TrimReply(StatusCode.Ok, 10)));

        await using var crashed = await server.CrashAsync();
        var peer = await crashed.ConnectAsync();
        Assert.That((await peer.StatusAsync(s_config.Id)).Incarnation, Is.EqualTo(7));
        Assert.That((await peer.StatusAsync(Config(2).Id)).Incarnation, Is.EqualTo(7));
        Assert.That((await peer.StoreAsync(s_config, 20, 1, withConfig: false)).DurableTail, Is.EqualTo(21));
        Assert.That((await peer.StoreAsync(Config(2), 10, 1, withConfig: false)).DurableTail, Is.EqualTo(11));
    }

    [Test, Category("Trap26")]
    public async Task A_damaged_config_that_came_back_with_a_message_is_kept()
    {
        await using var server = await StartAsync();
        var sequencer = await server.ConnectAsync();
        await sequencer.StoreAsync(s_config, 0, 1);
        await sequencer.StoreAsync(s_config, 1, 1);
        var config = new byte[s_config.Size];
        var writer = new MessageWriter(config);
        s_config.Write(ref writer);
        await using var damaged = await server.CrashAsync(copy => Flip(copy, config));
        var peer = await damaged.ConnectAsync();
        Assert.That(damaged.Service.GetReplica(s_config.Id)!.Config, Is.Null);
        Assert.That((await peer.SealAsync(s_config)).DurableTail, Is.EqualTo(2));
        Assert.That((await peer.RepairAsync(s_config, 2, 1)).Status, Is.EqualTo(StatusCode.Ok));
        await using var again = await damaged.CrashAsync();
        Assert.That(again.Service.GetReplica(s_config.Id)!.Config, Is.Not.Null);
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        var end = DateTime.UtcNow + Patience;
        while (!condition())
        {
            if (DateTime.UtcNow > end) throw new TimeoutException();
            await Task.Delay(5);
        }
    }

    /// <summary>Flips a byte in the middle of these bytes, wherever they are stored.</summary>
    private static void Flip(string directory, byte[] bytes)
    {
        foreach (var path in Directory.EnumerateFiles(Path.Combine(directory, "log", "segments"), "*", SearchOption.AllDirectories))
        {
            var at = File.ReadAllBytes(path).AsSpan().IndexOf(bytes);
            if (at < 0) continue;
            StorageHarness.Flip(path, at + bytes.Length / 2);
            return;
        }

        Assert.Fail("The entry is nowhere on disk.");
    }

    private sealed class FaultyDisk : DiskOperations
    {
        private readonly ManualResetEventSlim _open = new(true);

        public volatile bool IsFull;
        public volatile bool IsBroken;

        public void Hold() => _open.Reset();

        public void Release() => _open.Set();

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

        public override void Allocate(SafeFileHandle file, long offset, long length, string path)
        {
            if (IsFull && length > 64 << 10) throw new IoException("allocate", path, 28);
            base.Allocate(file, offset, length, path);
        }

        private void Check(string path)
        {
            _open.Wait();
            if (IsBroken) throw new IoException("write", path, 5);
        }
    }
}
