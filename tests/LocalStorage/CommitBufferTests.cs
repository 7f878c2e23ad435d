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
    public void Of_each_key_it_keeps_the_last_state()
    {
        var buffer = new CommitBuffer();
        Set(buffer, "k", 1, "first");
        Set(buffer, "l", 2, "other");
        Set(buffer, "k", 1, "second, which is longer");
        Set(buffer, "k", 1, "third");
        Assert.That((buffer.Count, Text(buffer, "k", 1), Text(buffer, "l", 2)), Is.EqualTo((2, "third", "other")));
        Set(buffer, "k", 1, null);
        Assert.That((Text(buffer, "k", 1), Text(buffer, "l", 2), Text(buffer, "m", 3)), Is.EqualTo(("deleted", "other", "nothing")));
        Set(buffer, "k", 1, "back");
        Assert.That(Text(buffer, "k", 1), Is.EqualTo("back"));
    }

    [Test]
    public void A_value_that_is_written_again_and_again_takes_no_more_memory_than_it_needs()
    {
        var buffer = new CommitBuffer();
        for (var i = 0; i < 1000; i++) Set(buffer, "k", 1, new string('v', 1 + (i % 100)));
        Assert.That(buffer.Bytes, Is.InRange(100, 600));
    }

    [Test]
    public void What_it_had_the_cache_has_if_it_had_been_asked_for()
    {
        var cache = new ReadCache(1 << 20);
        cache.Add("known"u8, 1, ChangeKind.Put, "old"u8);
        cache.Add("absent"u8, 2, ChangeKind.Deleted, default);
        var buffer = new CommitBuffer();
        Set(buffer, "known", 1, null);
        Set(buffer, "absent", 2, "new");
        Set(buffer, "unknown", 3, "x");
        buffer.MoveTo(cache);
        Assert.That((buffer.Count, buffer.Bytes, buffer.IsWritten), Is.EqualTo((0, 0L, true)));
        Assert.That(cache.Find("known"u8, 1, out _), Is.EqualTo(ChangeKind.Deleted));
        Assert.That(cache.Find("absent"u8, 2, out var absent) == ChangeKind.Put && absent.SequenceEqual("new"u8), Is.True);
        Assert.That(cache.Find("unknown"u8, 3, out _), Is.EqualTo(ChangeKind.None));
    }

    [Test]
    public void Its_lowest_key_of_a_range_is_found_again_after_more_have_come_and_for_other_ranges()
    {
        var buffer = new CommitBuffer();
        foreach (var key in (string[])["d", "b", "f"]) Set(buffer, key, key[0], "v");
        Assert.That((First("a", "z"), First("c", "z"), First("e", "f")), Is.EqualTo(("b", "d", "none")));
        Set(buffer, "c", 'c', "v");
        Assert.That((First("c", "z"), First("a", "z"), First("e", "f"), First("e", "g")), Is.EqualTo(("c", "b", "none", "f")));
        buffer.Clear();
        Assert.That(First("e", "g"), Is.EqualTo("none"));

        string First(string lower, string upper) => buffer.FirstOf(Encoding.ASCII.GetBytes(lower), Encoding.ASCII.GetBytes(upper)) is { } first ? Encoding.ASCII.GetString(first) : "none";
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

    private static void Set(CommitBuffer buffer, string key, int hash, string? value) =>
        buffer.Set(Encoding.ASCII.GetBytes(key), hash, value is null ? ChangeKind.Deleted : ChangeKind.Put, Encoding.ASCII.GetBytes(value ?? ""));

    private static string Text(CommitBuffer buffer, string key, int hash) => buffer.Find(Encoding.ASCII.GetBytes(key), hash, out var value) switch
    {
        ChangeKind.Put => Encoding.ASCII.GetString(value),
        ChangeKind.Deleted => "deleted",
        _ => "nothing",
    };
}
