using Delos.Daemon.Storage;
using Delos.LocalStorage;

namespace Delos.Tests.Storage;

/// <summary>Commits past the page cache, with readers that use it.</summary>
public class DirectIoTests
{
    private const int DirectFlag = 0x4000;
    private const int Size = 700;

    [Test]
    public async Task What_is_written_past_the_page_cache_is_read_at_once_and_after_a_restart()
    {
        await using var harness = new StorageHarness(StorageHarness.Small with { DirectIo = true, SpareFiles = 2 });
        var wroteDirectly = false;
        for (var position = 0; position < 4_000; position += 20)
        {
            // Most of them end inside a page, which the next commit writes again, and which this read has just cached.
            harness.Append(position, position + 20, perRecord: 3, size: Size);
            harness.ReadAndCheck(Math.Max(0, position - 30), position + 20, size: Size);
            wroteDirectly |= HasDirectFile(harness.Root);
        }

        Assert.That(wroteDirectly, Is.True, "otherwise this shows nothing");
        Assert.That(harness.SegmentFiles().Count(), Is.GreaterThan(6));
        await harness.Restart();
        Assert.That(harness.RecoveredTail, Is.EqualTo(4_000));
        Assert.That(harness.Unknown, Is.Empty);
        harness.ReadAndCheck(0, 4_000, size: Size);
        Assert.That(harness.Failures, Is.Empty);
    }

    [Test]
    public void Only_file_systems_that_are_known_to_bear_it_are_written_past_the_page_cache()
    {
        Assert.That(FileSystem.TakesDirectWrites("/proc"), Is.False);
        Assert.That(FileSystem.TakesDirectWrites("/dev/shm"), Is.False);
        Assert.Throws<IoException>(() => FileSystem.TakesDirectWrites("/nowhere/at/all"));

        // This machine's own, by the mount point that is the longest of those that the path begins with.
        var path = Path.GetFullPath(TestContext.CurrentContext.WorkDirectory);
        var mount = File.ReadLines("/proc/mounts").Select(l => l.Split(' ')).Where(m => path == m[1] || path.StartsWith(m[1].TrimEnd('/') + "/", StringComparison.Ordinal)).MaxBy(m => m[1].Length)!;
        Assert.That(FileSystem.TakesDirectWrites(path), Is.EqualTo(mount[2] is "ext4" or "xfs"), mount[2]);
    }

    /// <summary>As the kernel says of this process's descriptors.</summary>
    private static bool HasDirectFile(string root)
    {
        foreach (var descriptor in Directory.EnumerateFiles("/proc/self/fd"))
        {
            try
            {
                if (new FileInfo(descriptor).LinkTarget?.StartsWith(root, StringComparison.Ordinal) != true) continue;
                var flags = File.ReadLines("/proc/self/fdinfo/" + Path.GetFileName(descriptor)).First(l => l.StartsWith("flags:", StringComparison.Ordinal));
                if ((Convert.ToInt32(flags["flags:".Length..].Trim(), 8) & DirectFlag) != 0) return true;
            }
            catch (IOException)
            {
                // Closed meanwhile.
            }
        }

        return false;
    }
}
