using Delos.Protocol.Entries;

namespace Delos.Tests.Histories;

/// <summary>The checker itself: it accepts a right history and finds each kind of wrong one.</summary>
public sealed class LogHistoryCheckerTests
{
    [Test]
    public void A_right_history_is_accepted() => Assert.That(Check(Right()), Is.Empty);

    [Test]
    public void An_append_of_unknown_outcome_may_be_there_or_not()
    {
        var there = Right(new AppendRecord("d", 20, null, null));
        there.Readers.Clear();
        there.Readers.Add(Reader("final", "a", "b", "c", "d"));
        Assert.Multiple(() =>
        {
            Assert.That(Check(there), Is.Empty);
            Assert.That(Check(Right(new AppendRecord("d", 20, null, null))), Is.Empty);
        });
    }

    [Test]
    public void A_lost_append_is_found() => Assert.That(Check(Right(new AppendRecord("d", 20, 21, 3))), Has.Some.StartsWith("lost:"));

    [Test]
    public void A_wrong_value_is_found() => Assert.That(Check(Right(new AppendRecord("d", 20, 21, 2))), Has.Some.StartsWith("wrong value:"));

    [Test]
    public void Two_readers_that_disagree_are_found()
    {
        var history = Right();
        history.Readers.Add(Reader("other", "a", "c"));
        Assert.That(Check(history), Has.Some.StartsWith("two values:"));
    }

    [Test]
    public void An_append_id_that_stands_twice_is_found()
    {
        var history = Right();
        history.Readers.Clear();
        history.Readers.Add(new ReaderRecord("final", [.. Reader("", "a", "b", "c").Entries, new ReadRecord(3, new AppendId(1, 2), "b")]));
        Assert.That(Check(history), Has.Some.StartsWith("append id twice:").And.Some.StartsWith("payload twice:"));
    }

    [Test]
    public void An_entry_that_nobody_appended_is_found()
    {
        var history = Right();
        history.Readers.Clear();
        history.Readers.Add(Reader("final", "a", "b", "c", "x"));
        Assert.That(Check(history), Has.Some.StartsWith("from nowhere:"));
    }

    [Test]
    public void A_refused_append_that_is_in_the_log_is_found()
    {
        var history = Right();
        history.Refused.Add("b");
        Assert.That(Check(history), Has.Some.StartsWith("refused:"));
    }

    [Test]
    public void Positions_against_real_time_are_found()
    {
        var history = new LogHistory();
        history.Appends.Add(new AppendRecord("a", 1, 2, 1));
        history.Appends.Add(new AppendRecord("b", 3, 4, 0));
        history.Readers.Add(Reader("final", "b", "a"));
        Assert.That(Check(history), Has.Some.StartsWith("real time:"));
    }

    [Test]
    public void A_reader_that_goes_back_is_found()
    {
        var history = Right();
        history.Readers.Add(new ReaderRecord("back", [new ReadRecord(1, new AppendId(1, 2), "b"), new ReadRecord(0, new AppendId(1, 1), "a")]));
        Assert.That(Check(history), Has.Some.StartsWith("order:"));
    }

    [Test]
    public void A_stale_tail_is_found()
    {
        var history = Right();
        history.Tails.Add(new TailRecord(20, 21, 2));
        Assert.That(Check(history), Has.Some.StartsWith("stale tail:"));
    }

    private static IReadOnlyList<string> Check(LogHistory history) => LogHistoryChecker.Check(history, "final");

    private static LogHistory Right(params AppendRecord[] more)
    {
        var history = new LogHistory();
        history.Appends.Add(new AppendRecord("a", 1, 3, 0));
        history.Appends.Add(new AppendRecord("b", 2, 6, 1));
        history.Appends.Add(new AppendRecord("c", 4, 5, 2));
        foreach (var append in more) history.Appends.Add(append);
        history.Tails.Add(new TailRecord(7, 8, 3));
        history.Readers.Add(Reader("final", "a", "b", "c"));
        history.Readers.Add(Reader("early", "a", "b"));
        return history;
    }

    private static ReaderRecord Reader(string name, params string[] keys) =>
        new(name, [.. keys.Select((key, i) => new ReadRecord(i, new AppendId(1, (ulong)key[0] - 'a' + 1), key))]);
}
