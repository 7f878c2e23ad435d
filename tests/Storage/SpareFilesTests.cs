using Delos.Daemon.Storage;
using Delos.LocalStorage;
using Microsoft.Win32.SafeHandles;

namespace Delos.Tests.Storage;

public sealed class SpareFilesTests
{
    private const int NoSpace = 28;
    private const int Kept = 4;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    [Test]
    public void AFileThatWasTakenIsReplacedAlsoWhenTheDiskWasFullMeanwhile()
    {
        var root = Directory.CreateTempSubdirectory("delos-spares-").FullName;
        try
        {
            var disk = new FullDisk();
            var options = StorageHarness.Small with { SpareFiles = Kept, Disk = disk };
            Exception? failure = null;
            using var maintenance = new DiskMaintenance(options.SpaceRetry, e => failure = e);
            var spares = new SpareFiles(Path.Combine(root, "spares"), options, maintenance);
            Assert.That(() => disk.Made, Is.EqualTo(Kept).After((int)s_patience.TotalMilliseconds, 5));
            Assert.That(() => Allocated(root), Is.EqualTo(Kept).After((int)s_patience.TotalMilliseconds, 5));

            disk.IsFull = true;
            spares.Create(Path.Combine(root, "segment"), options.SegmentFileBytes).Dispose();
            Assert.That(() => disk.Refused, Is.GreaterThan(1).After((int)s_patience.TotalMilliseconds, 5), "it is tried again and again");
            Assert.That(Allocated(root), Is.EqualTo(Kept - 1));

            disk.IsFull = false;
            Assert.That(() => Allocated(root), Is.EqualTo(Kept).After((int)s_patience.TotalMilliseconds, 5));
            Assert.That(failure, Is.Null);
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    /// <summary>Files that have their space; one that is refused it is deleted.</summary>
    private static int Allocated(string root) => Directory.EnumerateFiles(Path.Combine(root, "spares"), "spare-*").Count(static file =>
    {
        try
        {
            return new FileInfo(file).Length == StorageHarness.Small.SegmentFileBytes;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
    });

    /// <summary>Has no space for files of the size of a segment's, or all it wants.</summary>
    private sealed class FullDisk : DiskOperations
    {
        private int _refused;
        private int _made;

        public bool IsFull { get; set; }

        public int Refused => Volatile.Read(ref _refused);

        public int Made => Volatile.Read(ref _made);

        public override void Allocate(SafeFileHandle file, long offset, long length, string path)
        {
            if (length == StorageHarness.Small.SegmentFileBytes)
            {
                if (IsFull)
                {
                    Interlocked.Increment(ref _refused);
                    throw new IoException("posix_fallocate", path, NoSpace);
                }

                Interlocked.Increment(ref _made);
            }

            base.Allocate(file, offset, length, path);
        }
    }
}
