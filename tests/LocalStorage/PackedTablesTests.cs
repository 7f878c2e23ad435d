using Delos.LocalStorage.Rocks;

namespace Delos.Tests.LocalStorage;

/// <summary>What is packed into one array stays what it was, wherever it has to move to.</summary>
public class PackedTablesTests
{
    [Test]
    public void A_value_that_is_deleted_and_put_again_a_little_longer_takes_no_more_memory_than_it_needs()
    {
        var table = new PackedTable();
        var index = table.Add("k"u8, 1);
        for (var length = 1; length <= 1000; length++)
        {
            table.Put(index, Bytes(length, length));
            table.Delete(index);
        }

        Assert.That(table.Bytes, Is.LessThan(5000));
    }

    [Test]
    public void A_table_that_was_cleared_again_and_again_is_as_good_as_a_new_one()
    {
        var table = new PackedTable();
        foreach (var count in (int[])[5000, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3000])
        {
            for (var i = 0; i < count; i++) table.Put(table.Add(BitConverter.GetBytes(i), i % 7), Bytes(i, 1000));
            for (var i = 0; i < count; i++) Assert.That(table.ValueAt(table.Find(BitConverter.GetBytes(i), i % 7)).SequenceEqual(Bytes(i, 1000)), Is.True);
            table.Clear();
            Assert.That((table.Count, table.Bytes, table.Find(BitConverter.GetBytes(0), 0)), Is.EqualTo((0, 0L, -1)));
        }
    }

    [Test]
    public void What_the_cache_forgets_to_make_room_for_what_it_was_asked_for_is_not_that_itself()
    {
        // Two of these fill a generation: a and b are of the older one, c and d of the younger.
        var cache = new ReadCache(1200);
        cache.Add("a"u8, 1, ChangeKind.Put, Bytes(1, 50));
        cache.Add("b"u8, 2, ChangeKind.Put, Bytes(2, 200));
        cache.Add("c"u8, 3, ChangeKind.Put, Bytes(3, 220));
        cache.Add("d"u8, 4, ChangeKind.Put, Bytes(4, 220));
        Assert.That(Has(cache, "b", 2, Bytes(2, 200)), Is.True);
        Assert.That(Has(cache, "b", 2, Bytes(2, 200)), Is.True, "it is among the young now");
    }

    [Test]
    public void What_outgrows_its_room_in_the_cache_is_known_as_it_is_or_not_at_all()
    {
        var cache = new ReadCache(1200);
        for (var length = 1; length <= 400; length++)
        {
            if (cache.Find("k"u8, 1, out _) == ChangeKind.None) cache.Add("k"u8, 1, ChangeKind.Put, Bytes(length, length));
            cache.Update("k"u8, 1, ChangeKind.Put, Bytes(length + 1, length));
            Assert.That(cache.Find("k"u8, 1, out var value) == ChangeKind.None || value.SequenceEqual(Bytes(length + 1, length)), Is.True, $"{length} bytes");
            cache.Add(BitConverter.GetBytes(length), length + 1, ChangeKind.Deleted, default);
        }
    }

    [Test]
    public void Whether_a_key_is_absent_can_be_asked_without_its_becoming_young()
    {
        var cache = new ReadCache(1200);
        cache.Add("k"u8, 1, ChangeKind.Deleted, default);
        for (var i = 2; i < 20; i++)
        {
            Assert.That(cache.IsKnownAbsent("k"u8, 1), Is.EqualTo(i < 13), $"{i}");
            cache.Add(BitConverter.GetBytes(i), i, ChangeKind.Put, Bytes(i, 50));
        }

        Assert.That(cache.IsKnownAbsent(BitConverter.GetBytes(19), 19), Is.False, "it is there");
    }

    [Test]
    public void What_was_appended_is_undone_whether_it_had_room_or_not()
    {
        var overlay = new Overlay();
        overlay.Append("k"u8, 1, "stored"u8, "+1"u8);
        var first = overlay.Savepoint();
        overlay.Append("k"u8, 1, default, "+2"u8);
        overlay.Append("k"u8, 1, default, Bytes(1, 1000));
        overlay.RollBackTo(first);
        overlay.Append("k"u8, 1, default, "+3"u8);
        Assert.That(Value(), Is.EqualTo("stored+1+3"u8.ToArray()));
        var second = overlay.Savepoint();
        overlay.Delete("k"u8, 1);
        overlay.Append("k"u8, 1, default, "anew"u8);
        Assert.That(Value(), Is.EqualTo("anew"u8.ToArray()));
        overlay.RollBackTo(second);
        Assert.That(Value(), Is.EqualTo("stored+1+3"u8.ToArray()));
        overlay.Append("l"u8, 2, default, default);
        Assert.That(overlay.Find("l"u8, 2).Kind, Is.EqualTo(ChangeKind.Put), "nothing was added to nothing: it is there, and empty");

        byte[] Value() => overlay.ValueOf(overlay.Find("k"u8, 1)).ToArray();
    }

    private static bool Has(ReadCache cache, string key, int hash, byte[] value) => cache.Find(System.Text.Encoding.ASCII.GetBytes(key), hash, out var found) == ChangeKind.Put && found.SequenceEqual(value);

    /// <summary>Different ones next to each other: moved by a few, they are not the same.</summary>
    private static byte[] Bytes(int seed, int length)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
