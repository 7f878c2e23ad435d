using Delos.Daemon.Storage;
using Delos.LocalStorage;
using Microsoft.Win32.SafeHandles;

namespace Delos.Tests.Storage;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class SpareFilesTests : IDisposable
{
    private const int NoSpace = 28;
    private const int Kept = 4;

    private static readonly int s_patience = (int)TimeSpan.FromSeconds(20).TotalMilliseconds;

    private readonly FullDisk _disk = new();
    private readonly string _root;
    private readonly DiskMaintenance _maintenance;
    private readonly SpareFiles _spares;
    private int _taken;
    private Exception? _failure;

    /// <summary>All are ready. In memory where that can be had: a stall of the disk would be taken for work.</summary>
    public SpareFilesTests()
    {
        _root = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"delos-spares-{Guid.NewGuid():n}");
        var options = Options;
        _maintenance = new DiskMaintenance(options.SpaceRetry, e => _failure = e);
        _spares = new SpareFiles(Path.Combine(_root, "spares"), options, _maintenance);
        Assert.That(() => _disk.Made, Is.EqualTo(Kept).After(s_patience, 5));

        // And the last one zeroed, and no further one asked for.
        InBackground(TimeSpan.FromMilliseconds(300)).Wait(s_patience);
    }

    public void Dispose()
    {
        _maintenance.Dispose();
        Directory.Delete(_root, recursive: true);
        if (_failure is not null) throw new InvalidOperationException("The disk's maintenance failed.", _failure);
    }

    [Test]
    public void TheNextOneIsBegunAWhileAfterOneWasTaken()
    {
        // What is due first runs first, however late it is.
        var meanwhile = InBackground(TimeSpan.FromMilliseconds(50));
        Take();
        Assert.That(meanwhile.Wait(s_patience));
        Assert.That(meanwhile.Result, Is.EqualTo(Kept));
        Assert.That(() => _disk.Made, Is.EqualTo(Kept + 1).After(s_patience, 5));
    }

    [Test]
    public void TheNextOneIsBegunAtOnceWhenFewAreLeft()
    {
        for (var i = 0; i < Kept - 1; i++) Take();
        var meanwhile = InBackground(TimeSpan.FromMilliseconds(50));
        Assert.That(meanwhile.Wait(s_patience));
        Assert.That(meanwhile.Result, Is.GreaterThan(Kept));
        Assert.That(() => _disk.Made, Is.EqualTo(2 * Kept - 1).After(s_patience, 5));
    }

    [Test]
    public void OneThatWasTakenIsReplacedAlsoWhenTheDiskWasFullMeanwhile()
    {
        _disk.IsFull = true;
        Take();
        Assert.That(() => _disk.Refused, Is.GreaterThan(1).After(s_patience, 5), "it is tried again and again");
        _disk.IsFull = false;
        Assert.That(() => _disk.Made, Is.EqualTo(Kept + 1).After(s_patience, 5));
    }

    private StorageOptions Options => StorageHarness.Small with { SpareFiles = Kept, Disk = _disk };

    private void Take() => _spares.Create(Path.Combine(_root, $"segment-{_taken++}"), Options.SegmentFileBytes).Dispose();

    /// <summary>How many files were begun when everything in the background was done that is due until then.</summary>
    private Task<int> InBackground(TimeSpan until)
    {
        var made = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        _maintenance.PostBackground(() => made.TrySetResult(_disk.Made), until);
        return made.Task;
    }

    /// <summary>Has no space for files of the size of a segment's, or all it wants.</summary>
    private sealed class FullDisk : DiskOperations
    {
        private int _refused;
        private int _made;
        private volatile bool _isFull;

        public bool IsFull { set => _isFull = value; }

        public int Refused => Volatile.Read(ref _refused);

        public int Made => Volatile.Read(ref _made);

        public override void Allocate(SafeFileHandle file, long offset, long length, string path)
        {
            if (length == StorageHarness.Small.SegmentFileBytes)
            {
                if (_isFull)
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
