using Delos.Runtime;

namespace Delos.Tests.LocalStorage;

/// <summary>What every <see cref="ILocalStore"/> has to do. A fixture for each store inherits it.</summary>
public abstract partial class StoreConformance
{
    private ILocalStoreFactory _factory = null!;
    private ILocalStore _store = null!;
    private string _directory = "";

    /// <summary>Where a test may put checkpoints, and a store its files.</summary>
    protected string WorkDirectory => _directory;

    /// <summary>For a store that has never been.</summary>
    /// <param name="name">Of the store, when a test has several.</param>
    protected abstract ILocalStoreFactory CreateFactory(string name = "store");

    /// <summary>Ends the process that has the store open, as far as its files can tell; what they hold then is opened by the factory that is returned.</summary>
    protected abstract ILocalStoreFactory Crash(ILocalStoreFactory factory, ILocalStore store);

    [SetUp]
    public void OpenStore()
    {
        _directory = Directory.CreateTempSubdirectory("delos-store-").FullName;
        _factory = CreateFactory();
        _store = _factory.Open();
    }

    [TearDown]
    public void CloseStore()
    {
        _store?.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Test]
    public void A_new_store_is_empty()
    {
        using var snapshot = _store.Snapshot();
        foreach (var space in Enum.GetValues<StoreSpace>()) Assert.That(snapshot.List(space), Is.Empty);
        Assert.That(snapshot.GetText("a"), Is.Null);
    }

    [Test]
    public void What_is_committed_is_there_for_transactions_and_snapshots()
    {
        _store.Commit(("a", "1"), ("b", "2"));
        using var snapshot = _store.Snapshot();
        using var transaction = _store.Begin();
        foreach (IStoreReader reader in (IStoreReader[])[snapshot, transaction])
        {
            Assert.That(reader.GetText("a"), Is.EqualTo("1"));
            Assert.That(reader.GetText("c"), Is.Null);
            Assert.That(reader.List(), Is.EqualTo("a=1 b=2"));
        }
    }

    [Test]
    public void An_empty_value_is_not_an_absent_one()
    {
        _store.Commit(("a", ""));
        using var transaction = _store.Begin();
        transaction.PutText("b", "");
        Assert.That(transaction.GetText("a"), Is.Empty);
        Assert.That(transaction.GetText("b"), Is.Empty);
        Assert.That(transaction.List(), Is.EqualTo("a= b="));
        transaction.Commit();
        using var snapshot = _store.Snapshot();
        Assert.That(snapshot.GetText("b"), Is.Empty);
    }

    [Test]
    public void Spaces_do_not_see_each_other()
    {
        var spaces = Enum.GetValues<StoreSpace>();
        using (var transaction = _store.Begin())
        {
            foreach (var space in spaces)
            {
                transaction.Put(space, "a"u8, [(byte)space]);
                transaction.Put(space, [], [(byte)space]);
                transaction.Put(space, [255, 255], [(byte)space]);
            }

            Check(transaction);
            transaction.Commit();
        }

        using var snapshot = _store.Snapshot();
        Check(snapshot);

        void Check(IStoreReader reader)
        {
            foreach (var space in spaces)
            {
                Assert.That(reader.Get(space, "a"u8), Is.EqualTo(new[] { (byte)space }));
                foreach (var reverse in (bool[])[false, true])
                {
                    var pairs = reader.Pairs(space, reverse: reverse);
                    Assert.That(pairs, Has.Count.EqualTo(3));
                    Assert.That(pairs.Select(static pair => pair.Value), Is.All.EqualTo(new[] { (byte)space }));
                }
            }
        }
    }

    [Test]
    public void Keys_are_in_the_order_of_unsigned_bytes([Values] bool reverse, [Values] bool committed)
    {
        byte[][] keys = [[], [0], [0, 0], [0, 255], [1], [127], [128], [128, 0], [255], [255, 255], [255, 255, 255]];
        using var transaction = _store.Begin();
        foreach (var key in keys.OrderBy(static key => HashCode.Combine(key.Length, key.Length > 0 ? key[0] : 0) & 0xFF)) transaction.Put(StoreSpace.Index, key, key);
        var expected = reverse ? keys.Reverse() : keys;
        if (!committed)
        {
            Assert.That(transaction.Pairs(StoreSpace.Index, reverse: reverse).Select(static pair => pair.Key), Is.EqualTo(expected));
            return;
        }

        transaction.Commit();
        using var snapshot = _store.Snapshot();
        Assert.That(snapshot.Pairs(StoreSpace.Index, reverse: reverse).Select(static pair => pair.Key), Is.EqualTo(expected));
    }

    [TestCase("b", "d", "b=1 c=1")]
    [TestCase("b", "", "b=1 c=1 d=1 e=1")]
    [TestCase("", "c", "a=1 b=1")]
    [TestCase("aa", "cc", "b=1 c=1")]
    [TestCase("c", "c", "")]
    [TestCase("d", "b", "")]
    [TestCase("f", "", "")]
    [TestCase("", "a", "")]
    public void A_scan_keeps_to_its_bounds(string from, string to, string expected)
    {
        _store.Commit(("a", "1"), ("c", "1"), ("e", "1"));
        using var transaction = _store.Begin();
        transaction.PutText("b", "1");
        transaction.PutText("d", "1");
        Check(transaction);
        transaction.Commit();
        using var snapshot = _store.Snapshot();
        Check(snapshot);

        void Check(IStoreReader reader)
        {
            Assert.That(reader.List(StoreSpace.Data, from, to), Is.EqualTo(expected));
            Assert.That(reader.List(StoreSpace.Data, from, to, reverse: true), Is.EqualTo(string.Join(' ', expected.Split(' ').Reverse())));
        }
    }

    [Test]
    public void A_scan_by_prefix_finds_what_begins_with_it([Values] bool reverse)
    {
        _store.Commit(("t", "0"), ("t/", "1"), ("t/a", "2"), ("t/b", "3"), ("t0", "4"), ("s/z", "5"));
        using var snapshot = _store.Snapshot();
        Assert.That(snapshot.List(StoreSpace.Data, "t/", "t0", reverse), Is.EqualTo(reverse ? "t/b=3 t/a=2 t/=1" : "t/=1 t/a=2 t/b=3"));
    }

    [Test]
    public void Only_on_a_key_a_cursor_has_one([Values] bool ofTransaction, [Values] bool reverse)
    {
        _store.Commit(("a", "1"));
        using var snapshot = _store.Snapshot();
        using var transaction = _store.Begin();
        using var cursor = (ofTransaction ? (IStoreReader)transaction : snapshot).Scan(StoreSpace.Data, [], [], reverse);
        Assert.That(() => cursor.Key.Length, Throws.InvalidOperationException);
        Assert.That(() => cursor.Value.Length, Throws.InvalidOperationException);
        Assert.That(cursor.MoveNext(), Is.True);
        Assert.That(cursor.Key.ToArray(), Is.EqualTo("a"u8.ToArray()));
        Assert.That(cursor.Value.ToArray(), Is.EqualTo("1"u8.ToArray()));
        Assert.That(cursor.MoveNext(), Is.False);
        Assert.That(cursor.MoveNext(), Is.False);
        Assert.That(() => cursor.Key.Length, Throws.InvalidOperationException);
    }

    [Test]
    public void Long_keys_and_large_values_are_kept_whole()
    {
        var key = new byte[5000];
        var value = new byte[1 << 20];
        new Random(1).NextBytes(key);
        new Random(2).NextBytes(value);
        using (var transaction = _store.Begin())
        {
            transaction.Put(StoreSpace.Data, key, value);
            Assert.That(transaction.Get(StoreSpace.Data, key), Is.EqualTo(value));
            Assert.That(transaction.Pairs(StoreSpace.Data).Single().Value, Is.EqualTo(value));
            transaction.Commit();
        }

        using var snapshot = _store.Snapshot();
        Assert.That(snapshot.Get(StoreSpace.Data, key), Is.EqualTo(value));
        var pair = snapshot.Pairs(StoreSpace.Data).Single();
        Assert.That(pair.Key, Is.EqualTo(key));
        Assert.That(pair.Value, Is.EqualTo(value));
        Assert.That(snapshot.Pairs(StoreSpace.Data, key), Has.Count.EqualTo(1));
    }

    [Test]
    public void A_snapshot_stays_as_it_was()
    {
        _store.Commit(("a", "1"), ("b", "1"));
        using var snapshot = _store.Snapshot();
        using var cursor = snapshot.Scan(StoreSpace.Data, [], []);
        Assert.That(cursor.MoveNext(), Is.True);
        using (var transaction = _store.Begin())
        {
            transaction.PutText("a", "2");
            transaction.DeleteText("b");
            transaction.PutText("c", "2");
            Assert.That(snapshot.List(), Is.EqualTo("a=1 b=1"));
            transaction.Commit();
        }

        Assert.That(snapshot.List(), Is.EqualTo("a=1 b=1"));
        Assert.That(snapshot.List(reverse: true), Is.EqualTo("b=1 a=1"));
        Assert.That(snapshot.GetText("b"), Is.EqualTo("1"));
        Assert.That(cursor.MoveNext(), Is.True);
        Assert.That(cursor.Key.ToArray(), Is.EqualTo("b"u8.ToArray()));
        using var later = _store.Snapshot();
        Assert.That(later.List(), Is.EqualTo("a=2 c=2"));
    }

    [Test]
    public async Task Readers_on_many_threads_see_whole_commits_while_others_are_made()
    {
        using var stop = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 3).Select(_ => Task.Run(() =>
        {
            var seen = 0;
            do
            {
                using var snapshot = _store.Snapshot();
                var first = snapshot.GetText("first");
                Assert.That(snapshot.GetText("last"), Is.EqualTo(first));
                Assert.That(snapshot.Pairs(StoreSpace.Index).Select(static pair => pair.Value.Text()), Is.All.EqualTo(first));
                seen++;
            }
            while (!stop.IsCancellationRequested);

            return seen;
        })).ToArray();
        for (var i = 0; i < 300; i++)
        {
            using var transaction = _store.Begin();
            transaction.PutText("first", $"{i}");
            for (var j = 0; j < 10; j++) transaction.Put(StoreSpace.Index, [(byte)j], $"{i}".Bytes());
            transaction.PutText("last", $"{i}");
            transaction.Commit();
            if (i % 50 == 0) await _store.FlushAsync(default);
        }

        await stop.CancelAsync();
        Assert.That(await Task.WhenAll(readers), Is.All.Positive);
    }

    [Test]
    public void A_closed_store_serves_nobody()
    {
        _store.Dispose();
        Assert.That(_store.Begin, Throws.TypeOf<ObjectDisposedException>());
        Assert.That(_store.Snapshot, Throws.TypeOf<ObjectDisposedException>());
    }
}
