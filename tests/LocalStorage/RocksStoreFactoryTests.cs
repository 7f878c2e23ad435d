using Delos.LocalStorage;
using Delos.LocalStorage.Rocks;
using Delos.Runtime;

namespace Delos.Tests.LocalStorage;

[TestFixture]
public class RocksStoreFactoryTests
{
    private string _directory = "";
    private RocksStoreFactory _factory = null!;

    private string StoreDirectory => Path.Combine(_directory, "some", "where", "store");

    private string Checkpoint => Path.Combine(_directory, "checkpoint");

    [SetUp]
    public void MakeFactory()
    {
        _directory = Directory.CreateTempSubdirectory("delos-rocks-").FullName;
        _factory = new RocksStoreFactory(new RocksStoreOptions { Directory = StoreDirectory });
    }

    [TearDown]
    public void DeleteDirectory() => Directory.Delete(_directory, recursive: true);

    [Test]
    public void A_store_is_open_once()
    {
        using var store = _factory.Open();
        Assert.That(_factory.Open, Throws.TypeOf<StoreException>().With.Message.Contains($"open store {StoreDirectory}: it is open in this process already").And.Message.Contains("lock hold by current process"));
    }

    [Test]
    public void That_another_process_has_the_store_open_is_said()
    {
        const string Reason = "IO error: While lock file: /data/store/LOCK: Resource temporarily unavailable";
        Assert.That(DatabaseOpener.Explain("/data/store", Reason), Is.TypeOf<StoreException>().With.Message.EqualTo($"open store /data/store: it is open in another process: {Reason}").And.Property(nameof(StoreException.Reason)).EqualTo(Reason));
    }

    [Test]
    public void An_error_of_the_disk_is_not_taken_for_damage()
    {
        var error = (StoreException)DatabaseOpener.Explain("/data/store", "IO error: No space left on device: While appending to file: /data/store/MANIFEST-000005: No space left on device");
        Assert.That(error.IsNoSpace, Is.True);
        Assert.That(error.IsCorruption, Is.False);
    }

    [Test]
    public void While_the_store_is_open_nothing_is_put_in_its_place()
    {
        using var store = _factory.Open();
        Assert.That(async () => await _factory.ClearAsync(default), Throws.InvalidOperationException);
        Assert.That(async () => await _factory.RestoreAsync(Checkpoint, default), Throws.InvalidOperationException);
    }

    [Test]
    public void What_an_interrupted_restore_left_is_deleted()
    {
        _factory.Open().Dispose();
        foreach (var ending in (string[])[".restoring", ".replaced"]) File.WriteAllText(Path.Combine(Directory.CreateDirectory(StoreDirectory + ending).FullName, "000009.sst"), "");
        _factory.Open().Dispose();
        Assert.That(Directory.EnumerateDirectories(Path.GetDirectoryName(StoreDirectory)!), Is.EqualTo(new[] { StoreDirectory }));
    }

    [Test]
    public async Task A_checkpoint_on_another_file_system_is_copied()
    {
        const string SharedMemory = "/dev/shm";
        if (!Directory.Exists(SharedMemory)) Assert.Ignore("no second file system");
        var checkpoint = Path.Combine(SharedMemory, Path.GetFileName(_directory));
        try
        {
            using (var store = _factory.Open())
            {
                store.Commit(("a", "1"));
                await store.CheckpointAsync(checkpoint, default);
                store.Commit(("a", "2"));
            }

            await _factory.RestoreAsync(checkpoint, default);
        }
        finally
        {
            if (Directory.Exists(checkpoint)) Directory.Delete(checkpoint, recursive: true);
        }

        using var restored = _factory.Open();
        Assert.That(restored.List(), Is.EqualTo("a=1"));
    }

    [Test]
    public async Task A_cancelled_restore_leaves_what_was_there()
    {
        using (var store = _factory.Open())
        {
            store.Commit(("a", "1"));
            await store.CheckpointAsync(Checkpoint, default);
            store.Commit(("a", "2"));
        }

        Assert.That(async () => await _factory.RestoreAsync(Checkpoint, new CancellationToken(canceled: true)), Throws.InstanceOf<OperationCanceledException>());
        using var left = _factory.Open();
        Assert.That(left.List(), Is.EqualTo("a=2"));
    }

    [Test]
    public async Task Commits_that_go_on_during_a_checkpoint_are_in_it_up_to_one_of_them()
    {
        using (var store = _factory.Open())
        {
            var committed = 0;
            var stop = false;
            var writer = Task.Run(() =>
            {
                while (!Volatile.Read(ref stop))
                {
                    var text = $"{Volatile.Read(ref committed) + 1}";
                    store.Commit(("a", text), ("z", text));
                    Interlocked.Increment(ref committed);
                }
            });
            SpinWait.SpinUntil(() => Volatile.Read(ref committed) > 100);
            var before = Volatile.Read(ref committed);
            await store.CheckpointAsync(Checkpoint, default);
            var after = Volatile.Read(ref committed) + 1;
            Volatile.Write(ref stop, true);
            await writer;
            await CheckAsync(before, after);
        }

        async Task CheckAsync(int before, int after)
        {
            var other = new RocksStoreFactory(new RocksStoreOptions { Directory = Path.Combine(_directory, "other") });
            await other.RestoreAsync(Checkpoint, default);
            using var restored = other.Open();
            using var snapshot = restored.Snapshot();
            Assert.That(snapshot.GetText("z"), Is.EqualTo(snapshot.GetText("a")));
            Assert.That(int.Parse(snapshot.GetText("a")!, null), Is.InRange(before, after));
        }
    }

    [Test]
    public void A_snapshot_may_outlive_its_store()
    {
        var store = _factory.Open();
        store.Commit(("a", "1"));
        var snapshot = store.Snapshot();
        var cursor = snapshot.Scan(StoreSpace.Data, [], []);
        store.Dispose();
        snapshot.Dispose();
        cursor.Dispose();
        using var again = _factory.Open();
        Assert.That(again.List(), Is.EqualTo("a=1"));
    }

    [Test]
    public void A_transaction_may_outlive_its_store()
    {
        var store = _factory.Open();
        var transaction = store.Begin();
        transaction.PutText("a", "1");
        store.Dispose();
        Assert.That(transaction.Commit, Throws.TypeOf<ObjectDisposedException>());
        transaction.Dispose();
        using var again = _factory.Open();
        Assert.That(again.List(), Is.Empty);
    }

    [Test]
    public async Task Without_compression_and_filters_it_is_the_same_store()
    {
        using (var store = _factory.Open())
        {
            store.Commit(("a", new string('1', 1000)));
            await store.FlushAsync(default);
        }

        using var plain = new RocksStoreFactory(new RocksStoreOptions { Directory = StoreDirectory, Compress = false, FilterBitsPerKey = 0 }).Open();
        plain.Commit(("b", "2"));
        await plain.FlushAsync(default);
        Assert.That(plain.List(), Is.EqualTo($"a={new string('1', 1000)} b=2"));
    }

    [Test]
    public void Options_out_of_bounds_are_refused()
    {
        Assert.That(() => new RocksStoreFactory(new RocksStoreOptions()), Throws.ArgumentException);
        Assert.That(() => new RocksStoreFactory(new RocksStoreOptions { Directory = _directory, WriteBuffers = 1 }), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => new RocksStoreFactory(new RocksStoreOptions { Directory = _directory, BlockCacheBytes = 0 }), Throws.InstanceOf<ArgumentException>());
    }
}
