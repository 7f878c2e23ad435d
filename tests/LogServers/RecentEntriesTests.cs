using Delos.Daemon.LogServers;
using Delos.Protocol.Blocks;
using Delos.Protocol.Entries;

namespace Delos.Tests.LogServers;

/// <summary>The latest entries in memory: what is read is what was added, in whole entries, and nothing is kept beyond the bounds.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class RecentEntriesTests
{
    private readonly List<RetainedPayload> _added = [];
    private readonly List<byte[]> _entries = [];
    private readonly SortedSet<long> _runEnds = [0];

    [TearDown]
    public void EverythingIsLetGo()
    {
        foreach (var run in _added)
        {
            Assert.That(run.TryReset(), Is.True, "Only the test holds it.");
            run.Release();
        }
    }

    [Test]
    public void Whatever_is_kept_reads_as_it_was_added([Range(1, 20)] int seed)
    {
        var random = new Random(seed);
        var recent = new RecentEntries();
        var whole = 0;
        while (_added.Count < 200)
        {
            Add(recent, random.Next(1, 9), random.Next(2) == 0 ? 20 : 9_000, random);
            for (var i = 0; i < 10; i++)
            {
                var first = random.Next(_entries.Count + 2);
                var end = first + random.Next(40);
                var maxBytes = random.Next(30_000);
                if (!recent.TryRead(first, end, maxBytes, out var read, out var count)) continue;
                var wanted = _entries.GetRange(first, count).SelectMany(static e => e).ToArray();
                var bytes = new byte[read.Length];
                read.CopyTo(bytes);
                read.Release();
                // NUnit compares arrays an element at a time: a thousand times slower.
                Assert.That(bytes.AsSpan().SequenceEqual(wanted));
                Assert.That(count, Is.GreaterThan(0).And.LessThanOrEqualTo(end - first));
                Assert.That(count == 1 || bytes.Length <= maxBytes, "No more than was asked for, unless one entry has more.");
                var next = first + count;
                Assert.That(next == end || _runEnds.Contains(next) || bytes.Length + _entries[next].Length > maxBytes, "All that fits, or up to where a run ends.");
                if (_runEnds.Contains(next) && _runEnds.Contains(first)) whole = Math.Max(whole, _runEnds.Count(e => e > first && e <= next));
            }

            Assert.That(recent.TryRead(_entries.Count - 1, _entries.Count, 1, out var newest, out _), Is.True, "The last one is always there.");
            newest!.Release();
        }

        Assert.That(whole, Is.GreaterThan(1), "Several whole runs are read at once.");
        recent.Clear();
    }

    [Test]
    public void The_oldest_go_for_new_ones_by_number_and_by_bytes()
    {
        var recent = new RecentEntries();
        for (var i = 0; i <= RecentEntries.MaxRuns; i++) Add(recent, 1, 10, new Random(i));
        Assert.That(recent.TryRead(0, 1, 100, out _, out _), Is.False);
        Read(recent, 1);
        Add(recent, 1, 2 * RecentEntries.MaxBytes, new Random(1));
        Assert.That(recent.TryRead(_entries.Count - 5, _entries.Count, 100, out _, out _), Is.False);
        Read(recent, _entries.Count - 1);
        recent.Clear();
    }

    [Test]
    public void Entries_that_do_not_follow_take_the_place_of_all()
    {
        var recent = new RecentEntries();
        Add(recent, 3, 10, new Random(1));
        var elsewhere = Encode(2, 10, new Random(2));
        recent.Add(100, 2, elsewhere);
        Assert.That(recent.TryRead(0, 3, 1000, out _, out _), Is.False);
        Assert.That(recent.TryRead(99, 103, 1000, out _, out _), Is.False);
        Assert.That(recent.TryRead(100, 103, 1000, out var read, out var count), Is.True);
        Assert.That((count, read!.Length), Is.EqualTo((2, elsewhere.Length)));
        read.Release();
        recent.Clear();
    }

    [Test]
    public void What_is_older_than_two_calls_goes()
    {
        var recent = new RecentEntries();
        Add(recent, 1, 10, new Random(1));
        recent.DropOld();
        Add(recent, 1, 10, new Random(1));
        Read(recent, 0);
        recent.DropOld();
        Assert.That(recent.TryRead(0, 1, 100, out _, out _), Is.False);
        Read(recent, 1);
        recent.DropOld();
        Assert.That(recent.TryRead(1, 2, 100, out _, out _), Is.False);
    }

    [Test]
    public async Task Readers_and_the_clock_may_come_at_any_moment()
    {
        var recent = new RecentEntries();
        var runs = Enumerable.Range(0, 500).Select(i => (First: (long)_entries.Count, Entries: Encode(10, 50, new Random(i)))).ToArray();
        var stop = false;
        long reads = 0;
        var readers = Enumerable.Range(0, 3).Select(n => Task.Run(() =>
        {
            var random = new Random(n);
            var bytes = new byte[10_000];
            while (!Volatile.Read(ref stop))
            {
                var first = random.Next(_entries.Count);
                if (n == 0) recent.DropOld();
                if (!recent.TryRead(first, first + 20, 1_000, out var read, out var count)) continue;
                read.CopyTo(bytes);
                var isSame = bytes.AsSpan(0, read.Length).SequenceEqual(_entries.GetRange(first, count).SelectMany(static e => e).ToArray());
                read.Release();
                Assert.That(isSame);
                Interlocked.Increment(ref reads);
            }
        })).ToArray();
        var end = DateTime.UtcNow + TimeSpan.FromSeconds(60);
        for (var round = 0; round < 20 || (Interlocked.Read(ref reads) < 1000 && DateTime.UtcNow < end); round++)
        {
            foreach (var (first, entries) in runs) recent.Add(first, 10, entries);
        }

        Volatile.Write(ref stop, true);
        await Task.WhenAll(readers);
        Assert.That(reads, Is.GreaterThanOrEqualTo(1000));
        recent.Clear();
    }

    private static void Read(RecentEntries recent, long position)
    {
        Assert.That(recent.TryRead(position, position + 1, 1, out var read, out _), Is.True);
        read!.Release();
    }

    private void Add(RecentEntries recent, int count, int size, Random random)
    {
        var first = _entries.Count;
        recent.Add(first, (uint)count, Encode(count, size, random));
    }

    private RetainedPayload Encode(int count, int size, Random random)
    {
        var run = RetainedPayload.Create();
        for (var i = 0; i < count; i++)
        {
            var payload = new byte[random.Next(size / 2, size)];
            random.NextBytes(payload);
            var entry = new byte[EntryCodec.EncodedSize(payload.Length)];
            EntryCodec.Encode(entry, new AppendId(1, (ulong)_entries.Count + 1), EntryKind.Data, payload);
            _entries.Add(entry);
            run.Append(entry);
        }

        _added.Add(run);
        _runEnds.Add(_entries.Count);
        return run;
    }
}
