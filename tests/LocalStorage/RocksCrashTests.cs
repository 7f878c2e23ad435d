using System.Buffers.Binary;
using Delos.LocalStorage;
using Delos.Runtime;

namespace Delos.Tests.LocalStorage;

/// <summary>Whatever a crash leaves, the cursor fits the effects: those of all commits up to one, and of none after it.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class RocksCrashTests : IDisposable
{
    private static readonly byte[] s_cursor = "cursor"u8.ToArray();
    private readonly string _directory = Directory.CreateTempSubdirectory("delos-crash-").FullName;
    private readonly RocksImage _image;
    private readonly ILocalStore _store;
    private int _vanished;

    public RocksCrashTests()
    {
        _image = new RocksImage(_directory);

        // Small buffers, so that RocksDB writes files all the time of its own accord, and merges them.
        _store = new RocksStoreFactory(new RocksStoreOptions { Directory = StoreDirectory, WriteBufferBytes = 64 << 10, CommitBufferBytes = 8 << 10 }).Open();
    }

    private string StoreDirectory => Path.Combine(_directory, "store");

    public void Dispose()
    {
        _store.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Test]
    public void Without_a_flush_a_crash_leaves_a_store_of_some_commit()
    {
        for (var commit = 1; commit <= 3; commit++) Commit(commit);
        Assert.That(CursorOfImage(), Is.InRange(0, 3));
    }

    [Test]
    public async Task What_was_committed_before_a_flush_survives_the_crash()
    {
        for (var commit = 1; commit <= 50; commit++)
        {
            Commit(commit);
            if (commit % 10 != 0) continue;
            await _store.FlushAsync(default);
            Assert.That(CursorOfImage(), Is.EqualTo(commit));
        }
    }

    [Test]
    public async Task Crashes_while_files_are_written_leave_the_cursor_in_line_with_the_effects()
    {
        var stop = false;
        var committed = 0;
        var writer = Task.Run(() =>
        {
            while (!Volatile.Read(ref stop)) Commit(Interlocked.Increment(ref committed));
        });
        var cursors = new List<long>();
        while (cursors.Count < 40)
        {
            var before = cursors.LastOrDefault();
            cursors.Add(CursorOfImage());
            Assert.That(cursors[^1], Is.InRange(before, Volatile.Read(ref committed)));
        }

        Volatile.Write(ref stop, true);
        await writer;
        TestContext.Out.WriteLine($"{committed} commits, {_vanished} images incomplete, cursors {string.Join(' ', cursors.Distinct())}");
        Assert.That(cursors.Distinct().Count(), Is.GreaterThan(5));
    }

    /// <summary>Of a crash now.</summary>
    private int CursorOfImage()
    {
        while (true)
        {
            var image = _image.Take(StoreDirectory);
            try
            {
                return CursorOf(image);
            }
            catch (InvalidDataException e) when (e.Message.Contains("No such file", StringComparison.Ordinal) && _vanished++ < 200)
            {
                // A file was merged in the background and deleted between the copy of its name and that of its bytes.
            }
            finally
            {
                Directory.Delete(image, recursive: true);
            }
        }
    }

    // Each commit writes to every space, and takes back some of what the one before it wrote.
    private void Commit(int commit)
    {
        using var transaction = _store.Begin();
        var number = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, commit);
        var value = new byte[1000];
        new Random(commit).NextBytes(value);
        transaction.Put(StoreSpace.Data, number, value);
        transaction.Put(StoreSpace.Index, [(byte)(commit % 16)], number);
        transaction.Put(StoreSpace.Meta, "last"u8, number);
        transaction.Put(StoreSpace.Runtime, s_cursor, number);
        if (commit > 100)
        {
            BinaryPrimitives.WriteInt32BigEndian(number, commit - 100);
            transaction.Delete(StoreSpace.Data, number);
        }

        transaction.Commit();
    }

    /// <summary>Checks that all is there that it must be, and nothing else.</summary>
    private static int CursorOf(string image)
    {
        using var store = new RocksStoreFactory(new RocksStoreOptions { Directory = image }).Open();
        using var snapshot = store.Snapshot();
        var number = snapshot.Get(StoreSpace.Runtime, s_cursor);
        var cursor = number is null ? 0 : BinaryPrimitives.ReadInt32BigEndian(number);
        Assert.That(snapshot.Get(StoreSpace.Meta, "last"u8), Is.EqualTo(number));
        var data = snapshot.Pairs(StoreSpace.Data);
        Assert.That(data.Select(static pair => BinaryPrimitives.ReadInt32BigEndian(pair.Key)), Is.EqualTo(Enumerable.Range(Math.Max(1, cursor - 99), Math.Min(100, cursor))));
        foreach (var (key, value) in data)
        {
            var expected = new byte[1000];
            new Random(BinaryPrimitives.ReadInt32BigEndian(key)).NextBytes(expected);
            Assert.That(value.AsSpan().SequenceEqual(expected), Is.True);
        }

        var index = snapshot.Pairs(StoreSpace.Index).Select(static pair => BinaryPrimitives.ReadInt32BigEndian(pair.Value)).Order();
        Assert.That(index, Is.EqualTo(Enumerable.Range(Math.Max(1, cursor - 15), Math.Min(16, cursor))));
        return cursor;
    }
}
