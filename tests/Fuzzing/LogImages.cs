using Delos.Daemon.Storage;
using Delos.Protocol.Chains;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;
using Delos.Tests.Storage;

namespace Delos.Tests.Fuzzing;

/// <summary>Small data directories of a LogServer, each written by the real storage code and copied as a crash would leave it.</summary>
internal static class LogImages
{
    public static readonly LogletId Other = new(0, 0x77);

    /// <summary>Two files of two pages hold some hundred records.</summary>
    public static readonly StorageOptions Options = StorageHarness.Small with
    {
        SegmentFileBytes = 128 << 10,
        SpareFiles = 0,
        JournalFileBytes = 128 << 10,
        JournalRewriteBytes = 16 << 10,
    };

    /// <summary>Where the log lies in the image.</summary>
    public static string LogDirectory => "segments/" + StorageHarness.Loglet;

    /// <summary>One generation, not closed, over several files: entries of two Loglets, their configs, a trim of one and the seal of the other.</summary>
    public static async Task<DiskImage> Live()
    {
        await using var harness = new StorageHarness(Options);
        Fill(harness);
        return Copy(harness);
    }

    /// <summary>A log with pauses, in which the storage proves by checkpoints what was durable.</summary>
    public static async Task<DiskImage> Checkpointed()
    {
        await using var harness = new StorageHarness(Options with { IdleCheckpoint = TimeSpan.FromMilliseconds(1) });
        Config(harness, StorageHarness.Loglet);
        for (var pause = 0; pause < 6; pause++)
        {
            harness.Append(pause * 40, (pause * 40) + 40, perRecord: 8, size: 50 * (pause + 1));
            if (pause == 4) Control(harness, RecordKind.Seal, Other, 0, []);
            var end = harness.Append(pause * 5, (pause * 5) + 5, loglet: Other);
            StorageHarness.Until(() => !harness.Log.NeedsCheckpoint && harness.Log.DurableAddress > end, "checkpointed");
        }

        harness.Append(240, 250);
        return Copy(harness);
    }

    /// <summary>The first one, closed, and a second generation with copies from a peer.</summary>
    public static async Task<DiskImage> ClosedAndRepaired()
    {
        await using var harness = new StorageHarness(Options);
        Fill(harness);
        await harness.Log.CloseForWriting();
        harness.Append(100, 130, perRecord: 3, size: 220, kind: RecordKind.RepairEntries);
        harness.Append(620, 640, perRecord: 4, kind: RecordKind.RepairEntries);
        Control(harness, RecordKind.Seal, StorageHarness.Loglet, 0, []);
        harness.Append(640, 650, kind: RecordKind.RepairEntries);
        return Copy(harness);
    }

    /// <summary>Three restarts: three closed generations and a live one.</summary>
    public static async Task<DiskImage> Restarted()
    {
        await using var harness = new StorageHarness(Options);
        Config(harness, StorageHarness.Loglet);
        long at = 0;
        for (var life = 0; life < 4; life++)
        {
            harness.Append(at, at + 60, perRecord: 1 + life);
            harness.Append(life * 10, (life * 10) + 10, loglet: Other);
            if (life == 1) Control(harness, RecordKind.Seal, Other, 0, []);
            at += 60;
            if (life < 3) await harness.Restart();
        }

        return Copy(harness);
    }

    /// <summary>The same, but no marker was ever written, as when the disk is full: only the generations' first records tell of the ones before.</summary>
    public static async Task<DiskImage> Unmarked()
    {
        var image = await Restarted();
        foreach (var path in image.Files.Keys.Where(p => p.EndsWith("/closed", StringComparison.Ordinal)).ToArray()) image.Files.Remove(path);
        return image;
    }

    /// <summary>The first files were trimmed away, and the control records that stood there written anew.</summary>
    public static async Task<DiskImage> Trimmed()
    {
        await using var harness = new StorageHarness(Options);
        Fill(harness);
        harness.Log.Trim(StorageHarness.Loglet, 560, out var end);
        harness.Log.Trim(Other, 20, out end);
        harness.WaitDurable(end);
        StorageHarness.Until(() => !harness.SegmentFiles().First().EndsWith("00000000.seg", StringComparison.Ordinal), "collected");
        harness.Append(620, 660, perRecord: 2);
        return Copy(harness);
    }

    private static void Fill(StorageHarness harness)
    {
        Config(harness, StorageHarness.Loglet);
        Config(harness, Other);
        harness.Append(0, 40, perRecord: 1, size: 60);
        harness.Append(0, 20, perRecord: 4, loglet: Other);
        Control(harness, RecordKind.Trim, StorageHarness.Loglet, 5, []);
        harness.Append(40, 600, perRecord: 20, size: 220, wait: false);
        Control(harness, RecordKind.Seal, Other, 0, []);
        harness.Append(600, 620, perRecord: 2, size: 33);
    }

    private static void Config(StorageHarness harness, LogletId loglet)
    {
        var config = LogletConfig.Native(loglet, 1, 5, [new ReplicaId(1, new Guid("00112233-4455-6677-8899-aabbccddeeff")), new ReplicaId(2, Guid.Empty), new ReplicaId(3, Guid.Empty)]);
        var bytes = new byte[config.Size];
        var writer = new MessageWriter(bytes);
        config.Write(ref writer);
        Control(harness, RecordKind.Config, loglet, 0, bytes);
    }

    private static void Control(StorageHarness harness, RecordKind kind, LogletId loglet, long first, ReadOnlySpan<byte> payload)
    {
        Assert.That(harness.Log.TryAppend(kind, loglet, first, payload, useReserve: true, out var end), Is.EqualTo(AppendStatus.Ok));
        harness.Log.Kick();
        harness.WaitDurable(end);
    }

    private static DiskImage Copy(StorageHarness harness)
    {
        var image = DiskImage.Read(harness.Root);
        foreach (var path in image.Files.Keys.Where(p => !p.StartsWith("segments/", StringComparison.Ordinal)).ToArray()) image.Files.Remove(path);
        return image;
    }
}
