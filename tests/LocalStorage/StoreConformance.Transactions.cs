using Delos.Runtime;

namespace Delos.Tests.LocalStorage;

public abstract partial class StoreConformance
{
    [Test]
    public void A_transaction_sees_its_own_changes()
    {
        _store.Commit(("a", "1"), ("c", "1"), ("e", "1"));
        using var transaction = _store.Begin();
        transaction.PutText("b", "2");
        transaction.PutText("c", "2");
        transaction.DeleteText("e");
        transaction.DeleteText("never");
        transaction.PutText("f", "2");
        transaction.DeleteText("f");
        transaction.PutText("g", "2");
        transaction.PutText("g", "3");
        Assert.That(transaction.List(), Is.EqualTo("a=1 b=2 c=2 g=3"));
        Assert.That(transaction.List(reverse: true), Is.EqualTo("g=3 c=2 b=2 a=1"));
        Assert.That(transaction.List(StoreSpace.Data, "b", "g"), Is.EqualTo("b=2 c=2"));
        Assert.That("abcefg".Select(key => transaction.GetText($"{key}")), Is.EqualTo(new[] { "1", "2", "2", null, null, "3" }));
        using var snapshot = _store.Snapshot();
        Assert.That(snapshot.List(), Is.EqualTo("a=1 c=1 e=1"));
    }

    [Test]
    public void A_transaction_that_is_not_committed_leaves_nothing()
    {
        _store.Commit(("a", "1"));
        using (var transaction = _store.Begin())
        {
            transaction.PutText("a", "2");
            transaction.PutText("b", "2");
        }

        using var snapshot = _store.Snapshot();
        Assert.That(snapshot.List(), Is.EqualTo("a=1"));
        using var next = _store.Begin();
        Assert.That(next.List(), Is.EqualTo("a=1"));
    }

    [Test]
    public void There_is_one_transaction_at_a_time()
    {
        using (var transaction = _store.Begin())
        {
            Assert.That(_store.Begin, Throws.InvalidOperationException);
            transaction.Commit();
            using var next = _store.Begin();
        }

        _store.Begin().Dispose();
        Assert.That(_store.Begin, Throws.Nothing);
    }

    [Test]
    public void A_transaction_that_has_ended_does_nothing_more([Values] bool committed)
    {
        var transaction = _store.Begin();
        transaction.PutText("a", "1");
        var savepoint = transaction.Savepoint();
        var cursor = transaction.Scan(StoreSpace.Data, [], []);
        if (committed) transaction.Commit();
        else transaction.Dispose();
        Assert.That(() => transaction.PutText("b", "1"), Throws.TypeOf<ObjectDisposedException>());
        Assert.That(() => transaction.DeleteText("a"), Throws.TypeOf<ObjectDisposedException>());
        Assert.That(() => transaction.GetText("a"), Throws.TypeOf<ObjectDisposedException>());
        Assert.That(() => transaction.Scan(StoreSpace.Data, [], []), Throws.TypeOf<ObjectDisposedException>());
        Assert.That(() => cursor.MoveNext(), Throws.TypeOf<ObjectDisposedException>());
        Assert.That(() => transaction.Savepoint(), Throws.TypeOf<ObjectDisposedException>());
        Assert.That(() => transaction.RollBackTo(savepoint), Throws.TypeOf<ObjectDisposedException>());
        Assert.That(transaction.Commit, Throws.TypeOf<ObjectDisposedException>());
        cursor.Dispose();
        transaction.Dispose();
        using var snapshot = _store.Snapshot();
        Assert.That(snapshot.List(), Is.EqualTo(committed ? "a=1" : ""));
    }

    [Test]
    public void Rolling_back_forgets_what_came_after_the_savepoint()
    {
        _store.Commit(("a", "1"));
        using var transaction = _store.Begin();
        transaction.PutText("b", "2");
        var savepoint = transaction.Savepoint();
        transaction.PutText("a", "3");
        transaction.DeleteText("b");
        transaction.PutText("c", "3");
        transaction.RollBackTo(savepoint);
        Assert.That(transaction.List(), Is.EqualTo("a=1 b=2"));
        Assert.That(transaction.GetText("c"), Is.Null);
        transaction.PutText("d", "4");
        transaction.Commit();
        using var snapshot = _store.Snapshot();
        Assert.That(snapshot.List(), Is.EqualTo("a=1 b=2 d=4"));
    }

    [Test]
    public void Rolling_back_may_pass_over_savepoints_and_be_repeated()
    {
        using var transaction = _store.Begin();
        var savepoints = new List<int>();
        for (var i = 0; i < 5; i++)
        {
            savepoints.Add(transaction.Savepoint());
            transaction.PutText($"{i}", "x");
        }

        Assert.That(savepoints, Is.EqualTo(new[] { 0, 1, 2, 3, 4 }));
        transaction.RollBackTo(savepoints[3]);
        Assert.That(transaction.List(), Is.EqualTo("0=x 1=x 2=x"));
        transaction.RollBackTo(savepoints[1]);
        Assert.That(transaction.List(), Is.EqualTo("0=x"));
        Assert.That(() => transaction.RollBackTo(savepoints[2]), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(() => transaction.RollBackTo(-1), Throws.TypeOf<ArgumentOutOfRangeException>());
        transaction.PutText("a", "y");
        transaction.RollBackTo(savepoints[1]);
        transaction.RollBackTo(savepoints[1]);
        Assert.That(transaction.List(), Is.EqualTo("0=x"));
        Assert.That(transaction.Savepoint(), Is.EqualTo(2));
        transaction.PutText("b", "z");
        transaction.RollBackTo(savepoints[0]);
        Assert.That(transaction.List(), Is.Empty);
        transaction.PutText("c", "z");
        transaction.Commit();
        using var snapshot = _store.Snapshot();
        Assert.That(snapshot.List(), Is.EqualTo("c=z"));
    }

    [Test]
    public void Savepoints_without_a_change_between_them_are_savepoints_all_the_same()
    {
        using var transaction = _store.Begin();
        transaction.PutText("a", "1");
        var first = transaction.Savepoint();
        var second = transaction.Savepoint();
        transaction.RollBackTo(second);
        transaction.PutText("b", "1");
        var third = transaction.Savepoint();
        transaction.RollBackTo(third);
        Assert.That(transaction.List(), Is.EqualTo("a=1 b=1"));
        transaction.RollBackTo(second);
        Assert.That(transaction.List(), Is.EqualTo("a=1"));
        transaction.PutText("c", "1");
        transaction.RollBackTo(first);
        Assert.That(transaction.List(), Is.EqualTo("a=1"));
        Assert.That(() => transaction.RollBackTo(second), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void What_a_cursor_walks_over_may_be_deleted_under_it([Values] bool reverse, [Values] bool committed)
    {
        var transaction = _store.Begin();
        for (var i = 0; i < 100; i++) transaction.PutText($"{i:D2}", new string('v', i));
        if (committed)
        {
            transaction.Commit();
            transaction = _store.Begin();
        }

        var walked = 0;
        using (var cursor = transaction.Scan(StoreSpace.Data, [], [], reverse))
        {
            for (; cursor.MoveNext(); walked++)
            {
                var key = cursor.Key;
                var value = cursor.Value;
                transaction.Delete(StoreSpace.Data, key);
                transaction.Put(StoreSpace.Index, value, key);
                Assert.That(key.ToArray().Text(), Is.EqualTo($"{(reverse ? 99 - walked : walked):D2}"));
                Assert.That(value.Length, Is.EqualTo(reverse ? 99 - walked : walked));
            }
        }

        Assert.That(walked, Is.EqualTo(100));
        Assert.That(transaction.Pairs(StoreSpace.Data), Is.Empty);
        Assert.That(transaction.Pairs(StoreSpace.Index), Has.Count.EqualTo(100));
        transaction.Dispose();
    }

    [Test]
    public void A_cursor_shows_what_changes_ahead_of_it()
    {
        _store.Commit(("b", "1"), ("d", "1"), ("f", "1"), ("h", "1"));
        using var transaction = _store.Begin();
        using var forward = transaction.Scan(StoreSpace.Data, "b"u8, "h"u8);
        using var backward = transaction.Scan(StoreSpace.Data, "b"u8, "h"u8, reverse: true);
        Assert.That(forward.MoveNext() && backward.MoveNext(), Is.True);
        Assert.That(forward.Key.ToArray().Text() + backward.Key.ToArray().Text(), Is.EqualTo("bf"));
        transaction.PutText("a", "2");
        transaction.PutText("b", "2");
        transaction.PutText("c", "2");
        transaction.DeleteText("d");
        transaction.PutText("e", "2");
        transaction.PutText("g", "2");
        transaction.PutText("z", "2");
        Assert.That(forward.Value.ToArray().Text(), Is.EqualTo("1"));
        Assert.That(forward.Rest(), Is.EqualTo("c=2 e=2 f=1 g=2"));
        Assert.That(backward.Rest(), Is.EqualTo("e=2 c=2 b=2"));
        transaction.PutText("gg", "3");
        Assert.That(forward.MoveNext(), Is.False);
    }

    [Test]
    public void A_cursor_survives_a_roll_back([Values] bool reverse)
    {
        _store.Commit(("a", "1"), ("c", "1"), ("e", "1"));
        using var transaction = _store.Begin();
        var savepoint = transaction.Savepoint();
        transaction.PutText("b", "2");
        transaction.PutText("d", "2");
        transaction.DeleteText("c");
        using var cursor = transaction.Scan(StoreSpace.Data, [], [], reverse);
        Assert.That(cursor.MoveNext() && cursor.MoveNext(), Is.True);
        transaction.RollBackTo(savepoint);
        Assert.That(cursor.Key.ToArray().Text(), Is.EqualTo(reverse ? "d" : "b"));
        Assert.That(cursor.Rest(), Is.EqualTo(reverse ? "c=1 a=1" : "c=1 e=1"));
    }

    [Test]
    public void A_cursor_shows_again_what_a_roll_back_brings_back_ahead_of_it([Values] bool reverse)
    {
        _store.Commit(("a", "1"), ("b", "1"), ("c", "1"), ("d", "1"), ("e", "1"));
        using var transaction = _store.Begin();
        transaction.PutText("c", "2");
        var savepoint = transaction.Savepoint();
        foreach (var key in "bcd") transaction.DeleteText($"{key}");
        using var cursor = transaction.Scan(StoreSpace.Data, [], [], reverse);
        Assert.That(cursor.MoveNext(), Is.True);
        transaction.RollBackTo(savepoint);
        transaction.PutText("cc", "3");
        Assert.That(cursor.Rest(), Is.EqualTo(reverse ? "d=1 cc=3 c=2 b=1 a=1" : "b=1 c=2 cc=3 d=1 e=1"));
        transaction.RollBackTo(savepoint);
        Assert.That(transaction.List(reverse: reverse), Is.EqualTo(reverse ? "e=1 d=1 c=2 b=1 a=1" : "a=1 b=1 c=2 d=1 e=1"));
    }

    [Test]
    public void Later_transactions_read_what_earlier_ones_left_and_not_what_they_read([Values] bool rolledBack)
    {
        _store.Commit(("there", "1"));
        for (var round = 0; round < 3; round++)
        {
            using var transaction = _store.Begin();
            Assert.That((transaction.GetText("there"), transaction.GetText("new"), transaction.GetText("fleeting")), Is.EqualTo(($"{round + 1}", round == 0 ? null : $"{round}", (string?)null)));
            transaction.PutText("there", $"{round + 2}");
            transaction.PutText("new", $"{round + 1}");
            transaction.PutText("fleeting", "x");
            if (rolledBack)
            {
                var savepoint = transaction.Savepoint();
                transaction.PutText("there", "never");
                transaction.DeleteText("new");
                transaction.RollBackTo(savepoint);
            }

            transaction.DeleteText("fleeting");
            transaction.Commit();
            using (var dropped = _store.Begin())
            {
                dropped.PutText("there", "never");
                dropped.DeleteText("new");
            }

            Assert.That(_store.List(), Is.EqualTo($"new={round + 1} there={round + 2}"));
        }
    }

    [Test]
    public void What_is_read_belongs_to_the_reader()
    {
        _store.Commit(("a", "1"));
        using var transaction = _store.Begin();
        transaction.PutText("b", "1");
        foreach (var key in (string[])["a", "b", "a", "b"])
        {
            var value = transaction.Get(StoreSpace.Data, key.Bytes())!;
            Assert.That(value.Text(), Is.EqualTo("1"));
            value[0] = 0;
        }
    }

    [Test]
    public void Many_changes_in_any_order_are_walked_over_in_theirs([Values] bool reverse)
    {
        using (var first = _store.Begin())
        {
            for (var i = 0; i < 5000; i += 3) first.PutText($"{i:D4}", "1");
            first.Commit();
        }

        using var transaction = _store.Begin();
        Assert.That(transaction.Pairs(StoreSpace.Data, reverse: reverse), Has.Count.EqualTo(1667));
        for (var i = 0; i < 5000; i++)
        {
            var key = i * 1237 % 5000;
            if (key % 5 == 0) transaction.DeleteText($"{key:D4}");
            else if (key % 2 == 0) transaction.PutText($"{key:D4}", "2");
        }

        var expected = Enumerable.Range(0, 5000).Where(static i => i % 5 != 0 && (i % 2 == 0 || i % 3 == 0)).Select(static i => (Key: $"{i:D4}", Value: i % 2 == 0 ? "2" : "1")).ToList();
        if (reverse) expected.Reverse();
        Assert.That(transaction.Pairs(StoreSpace.Data, reverse: reverse).Select(static pair => (pair.Key.Text(), pair.Value.Text())), Is.EqualTo(expected));
    }

    [TestCase("", "", false, "b=2 d=1 e=3 f=2 g=1 h=3")]
    [TestCase("", "", true, "h=3 g=1 f=2 e=3 d=1 b=2")]
    [TestCase("a", "e", false, "b=2 d=1")]
    [TestCase("c", "g", false, "d=1 e=3 f=2")]
    [TestCase("g", "", false, "g=1 h=3")]
    [TestCase("h", "i", false, "h=3")]
    public void A_walk_in_a_transaction_is_over_what_was_seen_by_readers_and_committed_since_and_changed(string from, string to, bool reverse, string expected)
    {
        _store.Commit(("a", "1"), ("c", "1"), ("d", "1"), ("e", "1"), ("g", "1"));
        Assert.That(_store.List(), Is.Not.Empty);
        using (var since = _store.Begin())
        {
            foreach (var key in (string[])["b", "f", "h"]) since.PutText(key, "2");
            since.DeleteText("c");
            since.Commit();
        }

        using (var transaction = Change())
        {
            for (var round = 0; round < 2; round++) Assert.That(transaction.List(StoreSpace.Data, from, to, reverse), Is.EqualTo(expected), $"round {round}");
        }

        // Begun before a reader came, ended after.
        using var again = Change();
        using var cursor = again.Scan(StoreSpace.Data, from.Bytes(), to.Bytes(), reverse);
        Assert.That(cursor.MoveNext(), Is.True);
        var first = $"{cursor.Key.ToArray().Text()}={cursor.Value.ToArray().Text()}";
        Assert.That(_store.List(), Is.EqualTo("a=1 b=2 d=1 e=1 f=2 g=1 h=2"));
        Assert.That($"{first} {cursor.Rest()}".Trim(), Is.EqualTo(expected));

        IStoreTransaction Change()
        {
            var transaction = _store.Begin();
            transaction.DeleteText("a");
            transaction.PutText("e", "3");
            transaction.PutText("h", "3");
            return transaction;
        }
    }
}
