using System.Text;
using Delos.Daemon.Storage;
using Delos.LocalStorage;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Tests.Storage;

/// <summary>A file whose end is gone: the records that remain are intact, so only its length tells that there were more (trap 26).</summary>
[Category("Trap26")]
public sealed class CutFileTests
{
    private const int RecordBytes = 208;

    [Test]
    public async Task The_lost_end_of_a_file_that_was_being_written_leaves_the_end_open([Values(0, 60, 3_000, 100_000)] int length)
    {
        await using var harness = new StorageHarness(StorageHarness.Small with { SpareFiles = 0 });
        harness.Append(0, 30);
        await using var crashed = harness.CrashCopy();
        Cut(crashed.SegmentFiles().Single(), length);
        crashed.Open();
        Assert.That(crashed.Unknown, Does.Contain((StorageHarness.Loglet, Math.Min(30, Held(length)), long.MaxValue)));
        await crashed.Restart();
        Assert.That(crashed.Unknown, Does.Contain((StorageHarness.Loglet, Math.Min(30, Held(length)), long.MaxValue)), "a restart does not forget it");
    }

    [Test]
    public async Task The_lost_end_of_a_file_with_another_one_behind_it_leaves_the_end_open()
    {
        await using var harness = new StorageHarness(StorageHarness.Small with { SpareFiles = 0 });
        while (harness.SegmentFiles().Count() < 2) harness.Append(harness.Log.EndOf(StorageHarness.Loglet), harness.Log.EndOf(StorageHarness.Loglet) + 100);
        await using var crashed = harness.CrashCopy();
        Cut(crashed.SegmentFiles().First(), 10_000);
        crashed.Open();
        Assert.That(crashed.Unknown, Is.EqualTo(new[] { (StorageHarness.Loglet, Held(10_000), long.MaxValue) }));
    }

    [Test]
    public async Task A_crash_between_the_cut_at_the_tail_and_the_marker_is_no_damage()
    {
        await using var harness = new StorageHarness(StorageHarness.Small with { SpareFiles = 0 });
        harness.Append(0, 30);
        await using var crashed = harness.CrashCopy();
        Cut(crashed.SegmentFiles().Single(), (int)LogAddress.Local(harness.Log.DurableAddress));
        crashed.Open();
        Assert.That(crashed.Unknown, Is.Empty);
        Assert.That(crashed.RecoveredTail, Is.EqualTo(30));
        Assert.That(crashed.Damage, Is.Empty);
    }

    [Test]
    public async Task A_file_whose_space_was_not_there_yet_when_the_process_died_is_no_damage()
    {
        await using var harness = new StorageHarness(StorageHarness.Small with { SpareFiles = 0 });
        harness.Append(0, 30);
        await using var crashed = harness.CrashCopy();
        var next = Path.Combine(Path.GetDirectoryName(crashed.SegmentFiles().Single()) ?? "", GenerationName.FileName(1) + SpareFiles.HalfMade);
        await File.WriteAllBytesAsync(next, new byte[1_000]);
        crashed.Open();
        Assert.That(crashed.Unknown, Is.Empty);
        Assert.That(crashed.RecoveredTail, Is.EqualTo(30));
        Assert.That(File.Exists(next), Is.False);
    }

    [Test]
    public async Task The_lost_end_of_a_journal_is_an_error_that_says_what_to_do([Values(0, 80, 300)] int length)
    {
        var root = Path.Combine(Path.GetTempPath(), "delos-journal-" + Guid.NewGuid().ToString("n"));
        var path = Path.Combine(root, "catalog");
        var copy = Path.Combine(root, "copy");
        using (var group = new GroupCommit(StorageHarness.Small, NullLogger.Instance, TimeProvider.System))
        {
            await using (var journal = Journal.Open(path, group, _ => { }))
            {
                for (var i = 0; i < 10; i++)
                {
                    journal.TryAppend(7, Encoding.UTF8.GetBytes("promise"), false, out var end);
                    await journal.WhenDurable(end);
                }

                Copy(path, copy);
            }

            var file = Directory.EnumerateFiles(copy, "*.seg", SearchOption.AllDirectories).Single();
            Cut(file, length);
            Assert.That(() => Journal.Open(copy, group, _ => { }), Throws.TypeOf<StorageCorruptException>().With.Message.Contains(file).And.Message.Contains("delosd node replace"));
        }

        Directory.Delete(root, recursive: true);
    }

    [Test]
    public async Task A_spare_file_that_was_cut_is_made_whole_before_it_is_used()
    {
        await using var harness = new StorageHarness();
        string? spare = null;
        StorageHarness.Until(() => (spare = Directory.EnumerateFiles(Path.Combine(harness.Root, "spares"), "spare-*").FirstOrDefault()) is not null && new FileInfo(spare).Length == StorageHarness.Small.SegmentFileBytes, "spare");
        Cut(spare ?? "", 1_000);
        harness.Append(0, 30);
        Assert.That(new FileInfo(harness.SegmentFiles().Single()).Length, Is.EqualTo(StorageHarness.Small.SegmentFileBytes));
    }

    /// <summary>Entries whose records lie whole below the length.</summary>
    private static long Held(int length) => Math.Max(0, (length - LogAddress.FirstLocal) / RecordBytes);

    private static void Cut(string file, int length)
    {
        using var handle = Posix.Open(file, Posix.O_RDWR);
        Posix.Truncate(handle, length, file);
    }

    private static void Copy(string from, string to)
    {
        foreach (var directory in Directory.GetDirectories(from, "*", SearchOption.AllDirectories).Prepend(from)) Directory.CreateDirectory(directory.Replace(from, to, StringComparison.Ordinal));
        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories)) File.WriteAllBytes(file.Replace(from, to, StringComparison.Ordinal), ReadAll(file));
    }

    private static byte[] ReadAll(string path)
    {
        using var file = Posix.Open(path, Posix.O_RDONLY);
        var bytes = new byte[RandomAccess.GetLength(file)];
        Posix.PRead(file, bytes, 0, path);
        return bytes;
    }
}
