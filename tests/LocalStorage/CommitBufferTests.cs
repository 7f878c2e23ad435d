using System.Text;
using Delos.LocalStorage;
using Delos.LocalStorage.Rocks;
using Delos.Runtime;

namespace Delos.Tests.LocalStorage;

/// <summary>What was committed and is not in the database yet.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public class CommitBufferTests
{
    private readonly string _directory = Directory.CreateTempSubdirectory("delos-buffer-").FullName;

    [TearDown]
    public void DeleteDirectory()
    {
        if (Directory.Exists(_directory)) Directory.Delete(_directory, recursive: true);
    }

    [Test]
    public void Of_each_key_it_keeps_the_last_state_and_of_memory_it_counts_that()
    {
        var buffer = new CommitBuffer();
        for (var i = 0; i < 100; i++) buffer.Set("k"u8.ToArray(), 1, Put(new string('v', i + 1)));
        var bytes = buffer.Bytes;
        buffer.Set("k"u8.ToArray(), 1, Put("v"));
        Assert.That((buffer.Count, bytes - buffer.Bytes), Is.EqualTo((1, 99L)));
        buffer.Set("k"u8.ToArray(), 1, new Overlay.Change(Overlay.ChangeKind.Deleted, null, 0));
        Assert.That((buffer.Find("k"u8, 1).Kind, buffer.Find("l"u8, 1).Kind, bytes - buffer.Bytes), Is.EqualTo((Overlay.ChangeKind.Deleted, Overlay.ChangeKind.None, 100L)));
    }

    [Test]
    public void What_it_had_the_cache_has_if_it_had_been_asked_for()
    {
        var cache = new ReadCache(1 << 20);
        cache.Add("known"u8.ToArray(), 1, "old"u8.ToArray());
        cache.Add("absent"u8.ToArray(), 2, null);
        var buffer = new CommitBuffer();
        buffer.Set("known"u8.ToArray(), 1, new Overlay.Change(Overlay.ChangeKind.Deleted, null, 0));
        buffer.Set("absent"u8.ToArray(), 2, Put("new"));
        buffer.Set("unknown"u8.ToArray(), 3, Put("x"));
        buffer.MoveTo(cache);
        Assert.That((buffer.Count, buffer.Bytes), Is.EqualTo((0, 0L)));
        Assert.That((cache.TryGet("known"u8, 1, out var known), known), Is.EqualTo((true, (byte[]?)null)));
        Assert.That(cache.TryGet("absent"u8, 2, out var absent) && absent.AsSpan().SequenceEqual("new"u8), Is.True);
        Assert.That(cache.TryGet("unknown"u8, 3, out _), Is.False);
    }

    [Test]
    public void A_disk_that_fails_is_told_of_to_whoever_commits_and_reads_and_the_store_closes_nevertheless()
    {
        // Buffers so small that the files are wanted soon, where there is no directory any more.
        using var store = new RocksStoreFactory(new RocksStoreOptions { Directory = Path.Combine(_directory, "store"), CommitBufferBytes = 1 << 10, WriteBufferBytes = 64 << 10, WriteBuffers = 2 }).Open();
        store.Commit(("k", "0"));
        Directory.Delete(_directory, recursive: true);
        var value = new string('v', 10_000);
        var committed = 0;
        Assert.That(() => CommitMany(), Throws.TypeOf<StoreException>());
        Assert.That(store.Snapshot, Throws.TypeOf<StoreException>());
        using var transaction = store.Begin();
        Assert.That(transaction.Get(StoreSpace.Data, "k"u8), Is.EqualTo(Encoding.ASCII.GetBytes($"{committed}")), "the commit that failed did not take place");

        void CommitMany()
        {
            for (; committed < 1000; committed++) store.Commit(("k", $"{committed + 1}"), ($"v{committed}", value));
        }
    }

    [Test]
    public void A_disk_that_failed_a_reader_is_told_of_to_whoever_commits_next()
    {
        using var store = new RocksStoreFactory(new RocksStoreOptions { Directory = Path.Combine(_directory, "store"), WriteBufferBytes = 64 << 10, WriteBuffers = 2 }).Open();
        store.Commit(("k", "0"));
        Directory.Delete(_directory, recursive: true);
        var value = new string('v', 10_000);
        var committed = 0;
        Assert.That(() => CommitAndReadMany(), Throws.TypeOf<StoreException>(), "a read");
        Assert.That(() => store.Commit(("k", "1")), Throws.TypeOf<StoreException>());
        using var transaction = store.Begin();
        Assert.That(transaction.Get(StoreSpace.Data, "k"u8), Is.EqualTo("0"u8.ToArray()));

        void CommitAndReadMany()
        {
            for (; committed < 1000; committed++)
            {
                store.Commit(($"v{committed}", value));
                store.Snapshot().Dispose();
            }
        }
    }

    private static Overlay.Change Put(string value) => new(Overlay.ChangeKind.Put, Encoding.ASCII.GetBytes(value), value.Length);
}
