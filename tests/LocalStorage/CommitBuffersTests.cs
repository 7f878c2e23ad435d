using System.Text;
using Delos.LocalStorage;
using Delos.LocalStorage.Rocks;

namespace Delos.Tests.LocalStorage;

/// <summary>What was committed and is on its way to the database, which here takes its time, or fails.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class CommitBuffersTests : IDisposable
{
    private readonly SemaphoreSlim _mayWrite = new(0);
    private readonly SemaphoreSlim _hasFailed = new(0);
    private readonly List<string> _written = [];
    private readonly ReadCache _cache = new(1 << 20);
    private readonly CommitBuffers _buffers;
    private volatile bool _fails;

    public CommitBuffersTests() => _buffers = new CommitBuffers(_cache, mostBytes: 1, Write);

    public void Dispose()
    {
        _mayWrite.Dispose();
        _hasFailed.Dispose();
    }

    [Test]
    public async Task Commits_go_on_while_a_full_buffer_is_written_and_what_is_in_it_is_known()
    {
        _cache.Add("a"u8, KeyHash.Of("a"u8), ChangeKind.Put, "0"u8);
        Commit(("a", "1"), ("x", "1"));
        Commit(("b", "2"));
        Assert.That((Full("x"), Filling("x"), Filling("b")), Is.EqualTo(("1", "nothing", "2")));
        Assert.That((Cached("a"), Cached("x")), Is.EqualTo(("1", "nothing")), "it knows only what it was asked for");
        Assert.That((FirstUnwritten("a"), FirstUnwritten("b"), FirstUnwritten("c"), FirstUnwritten("y")), Is.EqualTo(("a", "b", "x", "none")));

        // A reader needs both.
        var reader = Task.Run(() => _buffers.Write(isForReader: true));
        Assert.That(_written, Is.Empty);
        _mayWrite.Release(2);
        await reader;
        Assert.That(_written, Is.EqualTo(new[] { "a=1,x=1", "b=2" }));
        Assert.That((Full("x"), FirstUnwritten("a")), Is.EqualTo(("nothing", "none")));
    }

    [Test]
    public void What_came_later_is_not_hidden_by_a_buffer_that_was_written_before()
    {
        Commit(("a", "1"));
        Commit(("a", "2"));
        _mayWrite.Release(2);
        _buffers.Write(isForReader: true);

        // The second buffer goes to the cache, which was never asked for the key; the first one still has the older value.
        Commit(("b", "3"));
        Assert.That((Filling("a"), Cached("a"), Full("a")), Is.EqualTo(("nothing", "nothing", "nothing")), "the database knows");
    }

    [Test]
    public void What_was_put_before_is_deleted_after_it_on_its_way_to_the_database()
    {
        _cache.Add("a"u8, KeyHash.Of("a"u8), ChangeKind.Deleted, default);
        Commit(("a", "1"));
        Commit(("b", "2"));

        // The third buffer waits until the first one is written.
        _mayWrite.Release();
        Commit(("a", null));
        Close();
        Assert.That(_written, Is.EqualTo(new[] { "a=1", "b=2", "a=deleted" }));
    }

    [Test]
    public void What_was_put_and_deleted_between_two_writes_of_the_database_leaves_no_trace_if_it_was_not_there()
    {
        _cache.Add("a"u8, KeyHash.Of("a"u8), ChangeKind.Deleted, default);
        Commit(("a", null), ("b", "1"));
        Close();
        Assert.That(_written, Is.EqualTo(new[] { "b=1" }));
    }

    [Test]
    public void A_write_that_failed_is_told_of_by_the_next_commit_and_made_up_for_in_order()
    {
        _fails = true;
        Commit(("a", "1"));
        Commit(("b", "2"));
        _mayWrite.Release();
        _hasFailed.Wait();
        _mayWrite.Release();
        Assert.That(() => Commit(("c", "3")), Throws.TypeOf<StoreException>());
        Assert.That((Full("a"), Filling("b"), Filling("c")), Is.EqualTo(("1", "2", "nothing")));
        _fails = false;
        _mayWrite.Release(2);
        Commit(("d", "4"));
        Assert.That(_written, Is.EqualTo(new[] { "a=1", "b=2" }));
        Close();
        Assert.That(_written, Is.EqualTo(new[] { "a=1", "b=2", "d=4" }));
    }

    [Test]
    public async Task Closing_waits_for_what_is_being_written_and_nothing_is_committed_or_written_afterwards()
    {
        Commit(("a", "1"));
        Commit(("b", "2"));
        var closing = Task.Run(_buffers.Close);
        Assert.That(_buffers.IsClosed, Is.False);
        _mayWrite.Release(2);
        Assert.That(await closing, Is.True);
        Assert.That((_written.Count, _buffers.IsClosed, _buffers.Close()), Is.EqualTo((2, true, false)));
        Assert.That(() => Commit(("c", "3")), Throws.TypeOf<ObjectDisposedException>());
        Assert.That(() => _buffers.Write(isForReader: true), Throws.TypeOf<ObjectDisposedException>());
    }

    private void Write(CommitBuffer buffer)
    {
        _mayWrite.Wait();
        if (_fails)
        {
            _hasFailed.Release();
            throw new StoreException("commit", "no disk");
        }

        var changes = new[] { "a", "b", "c", "d", "x" }.Select(k => (Key: k, Value: Text(buffer.Find(Bytes(k), KeyHash.Of(Bytes(k)), out var value), value))).Where(c => c.Value != "nothing");
        _written.Add(string.Join(',', changes.Select(c => $"{c.Key}={c.Value}")));
    }

    private void Commit(params (string Key, string? Value)[] changes)
    {
        var overlay = new Overlay();
        foreach (var (key, value) in changes)
        {
            if (value is null) overlay.Delete(Bytes(key), KeyHash.Of(Bytes(key)));
            else overlay.Put(Bytes(key), KeyHash.Of(Bytes(key)), Bytes(value));
        }

        _buffers.Commit(overlay);
    }

    private void Close()
    {
        _mayWrite.Release(3);
        _buffers.Close();
    }

    private string Filling(string key) => Text(_buffers.Find(Bytes(key), KeyHash.Of(Bytes(key)), out var value), value);

    private string Full(string key) => Text(_buffers.FindFull(Bytes(key), KeyHash.Of(Bytes(key)), out var value), value);

    private string Cached(string key) => Text(_cache.Find(Bytes(key), KeyHash.Of(Bytes(key)), out var value), value);

    private string FirstUnwritten(string lower) => _buffers.FirstUnwritten(Bytes(lower), "z"u8) is { } first ? Encoding.ASCII.GetString(first) : "none";

    private static byte[] Bytes(string text) => Encoding.ASCII.GetBytes(text);

    private static string Text(ChangeKind kind, ReadOnlySpan<byte> value) => kind switch
    {
        ChangeKind.Put => Encoding.ASCII.GetString(value),
        ChangeKind.Deleted => "deleted",
        _ => "nothing",
    };
}
