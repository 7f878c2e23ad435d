using Delos.Daemon.Storage;
using Delos.LocalStorage;
using Microsoft.Win32.SafeHandles;

namespace Delos.Tests.Storage;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class SpareFilesTests
{
    private const int NoSpace = 28;
    private const int Kept = 4;

    private static readonly int s_patience = (int)TimeSpan.FromSeconds(20).TotalMilliseconds;

    private readonly FullDisk _disk = new();
    private string _root = "";
    private DiskMaintenance _maintenance = null!;
    private SpareFiles _spares = null!;
    private int _taken;
    private Exception? _failure;

    [SetUp]
    public void MakeAllReady()
    {
        _root = Directory.CreateTempSubdirectory("delos-spares-").FullName;
        var options = Options;
        _maintenance = new DiskMaintenance(options.SpaceRetry, e => _failure = e);
        _spares = new SpareFiles(Path.Combine(_root, "spares"), options, _maintenance);
        Assert.That(() => _disk.Made, Is.EqualTo(Kept).After(s_patience, 5));

        // And the last one zeroed, and no further one asked for.
        RunBackground(TimeSpan.FromMilliseconds(300));
    }

    [TearDown]
    public void Delete()
    {
        _maintenance.Dispose();
        Directory.Delete(_root, recursive: true);
        Assert.That(_failure, Is.Null);
    }

    [Test]
    public void TheNextOneIsBegunAWhileAfterOneWasTaken()
    {
        Take();

        // What is due first runs first, however late it is.
        RunBackground(TimeSpan.FromMilliseconds(50));
        Assert.That(_disk.Made, Is.EqualTo(Kept));
        Assert.That(() => _disk.Made, Is.EqualTo(Kept + 1).After(s_patience, 5));
    }

    [Test]
    public void TheNextOneIsBegunAtOnceWhenFewAreLeft()
    {
        for (var i = 0; i < Kept - 1; i++) Take();
        RunBackground(TimeSpan.FromMilliseconds(50));
        Assert.That(_disk.Made, Is.GreaterThan(Kept));
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

    /// <summary>Returns when everything in the background was done that is due until then.</summary>
    private void RunBackground(TimeSpan until)
    {
        using var done = new ManualResetEventSlim();
        _maintenance.PostBackground(() =>
        {
            done.Set();
            return true;
        }, until);
        Assert.That(done.Wait(s_patience));
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
