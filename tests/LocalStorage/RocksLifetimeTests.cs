using System.Runtime.CompilerServices;
using Delos.LocalStorage;
using Delos.LocalStorage.Rocks;
using Delos.Runtime;
using NUnit.Framework.Constraints;

namespace Delos.Tests.LocalStorage;

/// <summary>Stores, snapshots and cursors that nobody disposes of, or in the wrong order.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public class RocksLifetimeTests
{
    private readonly string _directory = Directory.CreateTempSubdirectory("delos-rocks-").FullName;

    [TearDown]
    public void DeleteDirectory() => Directory.Delete(_directory, recursive: true);

    [Test]
    public void What_nobody_disposed_of_is_closed_by_the_collector()
    {
        for (var round = 0; round < 10; round++)
        {
            Drop(round);
            Collect();
        }

        using var store = Factory().Open();
        using var snapshot = store.Snapshot();
        Assert.That(snapshot.Get(StoreSpace.Data, "k"u8), Is.EqualTo(new byte[] { 9 }));

        [MethodImpl(MethodImplOptions.NoInlining)]
        void Drop(int round)
        {
            var store = Factory().Open();
            store.Commit(("k", ((char)round).ToString()));
            var snapshot = store.Snapshot();
            foreach (var reverse in new[] { true, false }) Assert.That(snapshot.Scan(StoreSpace.Data, [], [], reverse).MoveNext(), Is.True);
            var transaction = store.Begin();
            transaction.Put(StoreSpace.Data, "other"u8, "v"u8);
            Assert.That(transaction.Scan(StoreSpace.Data, [], []).MoveNext(), Is.True);
        }
    }

    [Test]
    public void What_a_cursor_showed_stays_when_the_cursor_is_collected()
    {
        using var store = Factory().Open();
        store.Commit(("key", new string('v', 100_000)));
        var snapshot = store.Snapshot();
        var key = Key(snapshot);
        var value = Value(snapshot);
        snapshot.Dispose();

        // The buffer in memory that both lay in is freed when nobody reads it any more.
        store.FlushAsync(default).AsTask().GetAwaiter().GetResult();
        Collect();
        Assert.That(key.SequenceEqual("key"u8) && value.Length == 100_000 && value.IndexOfAnyExcept((byte)'v') < 0, Is.True);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static ReadOnlySpan<byte> Key(IStoreSnapshot snapshot) => Moved(snapshot).Key;

        [MethodImpl(MethodImplOptions.NoInlining)]
        static ReadOnlySpan<byte> Value(IStoreSnapshot snapshot) => Moved(snapshot).Value;

        static IStoreCursor Moved(IStoreSnapshot snapshot)
        {
            var cursor = snapshot.Scan(StoreSpace.Data, [], []);
            Assert.That(cursor.MoveNext(), Is.True);
            return cursor;
        }
    }

    [Test]
    public void A_store_that_was_closed_under_a_snapshot_is_opened_again_when_the_snapshot_is_gone()
    {
        var store = Factory().Open();
        store.Commit(("k", "1"));
        var snapshot = store.Snapshot();
        store.Dispose();
        var reopened = Task.Factory.StartNew(() => Factory(TimeSpan.FromMinutes(1)).Open(), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        Assert.That(snapshot.Get(StoreSpace.Data, "k"u8), Is.EqualTo("1"u8.ToArray()), "readers go on");
        Assert.That(reopened.IsCompleted, Is.False);
        snapshot.Dispose();
        using var again = reopened.GetAwaiter().GetResult();
        Assert.That(again.List(), Is.EqualTo("k=1"));
    }

    [Test]
    public void A_store_that_was_closed_under_a_snapshot_that_stays_is_not_opened_nor_replaced_and_it_is_said_why()
    {
        var patience = TimeSpan.FromMilliseconds(50);
        var store = Factory().Open();
        store.Commit(("k", "1"));
        store.CheckpointAsync(Path.Combine(_directory, "checkpoint"), default).AsTask().GetAwaiter().GetResult();
        store.Commit(("k", "2"));
        using (store.Snapshot())
        {
            store.Dispose();
            Assert.That(() => Factory(patience).Open(), Why());
            Assert.That(async () => await Factory(patience).ClearAsync(default), Why());
            Assert.That(async () => await Factory(patience).RestoreAsync(Path.Combine(_directory, "checkpoint"), default), Why());
        }

        using var again = Factory(patience).Open();
        Assert.That(again.List(), Is.EqualTo("k=2"), "what was there still is");

        static IResolveConstraint Why() => Throws.TypeOf<StoreException>().With.Message.Contains("still in use").And.Message.Contains("dispose of them");
    }

    [Test]
    public void Another_factory_does_not_replace_an_open_store_either()
    {
        using var store = Factory().Open();
        Assert.That(async () => await Factory().ClearAsync(default), Throws.InvalidOperationException);
    }

    [Test]
    public void A_snapshot_of_a_closed_store_is_refused_and_leaves_nothing_open()
    {
        var store = Factory().Open();
        store.Dispose();
        Assert.That(() => store.Snapshot(), Throws.TypeOf<ObjectDisposedException>());
        Factory(TimeSpan.Zero).Open().Dispose();
    }

    [Test]
    public void What_cannot_be_made_holds_nothing()
    {
        var options = new RocksStoreOptions { Directory = Path.Combine(_directory, "store") };
        Directory.CreateDirectory(options.Directory);
        RocksLibrary.Load();
        var database = DatabaseOpener.Open(options);
        using var snapshot = new RocksSnapshot(database);
        new CheckpointHandle(database, "x").Dispose();
        database.Dispose();
        snapshot.Dispose();
        Assert.That(() => new SnapshotHandle(database), Throws.TypeOf<ObjectDisposedException>());
        using (var read = new ReadOptionsHandle(snapshot: null)) Assert.That(() => new IteratorHandle(database, read), Throws.TypeOf<ObjectDisposedException>());
        Collect();
        Factory(TimeSpan.Zero).Open().Dispose();
    }

    private RocksStoreFactory Factory(TimeSpan? patience = null) => new(new RocksStoreOptions { Directory = Path.Combine(_directory, "store"), OpenTimeout = patience ?? TimeSpan.FromSeconds(5) });

    private static void Collect()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }
}
