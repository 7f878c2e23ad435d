using Op = Delos.Tests.Histories.RegisterOperation;

namespace Delos.Tests.Histories;

/// <summary>The checker itself, with histories of which it is known whether they are linearizable.</summary>
public sealed class LinearizabilityCheckerTests
{
    [Test]
    public void An_empty_history_is_linearizable() => Accepts();

    [Test]
    public void Operations_one_after_the_other_are_linearizable() => Accepts((1, 2, Op.Read(0, 0)), (3, 4, Op.Won(0, 7)), (5, 6, Op.Read(1, 7)), (7, 8, Op.Won(1, 8)), (9, 10, Op.Read(2, 8)));

    [Test]
    public void A_read_during_a_write_sees_the_old_value_or_the_new_one()
    {
        Accepts((1, 10, Op.Won(0, 7)), (2, 9, Op.Read(0, 0)));
        Accepts((1, 10, Op.Won(0, 7)), (2, 9, Op.Read(1, 7)));
        Refuses((1, 10, Op.Won(0, 7)), (2, 9, Op.Read(1, 8)));
    }

    [Test]
    public void A_read_after_a_write_does_not_see_the_old_value() => Refuses((1, 2, Op.Won(0, 7)), (3, 4, Op.Read(0, 0)));

    [Test]
    public void Two_reads_during_a_write_do_not_go_backwards()
    {
        Accepts((1, 10, Op.Won(0, 7)), (2, 3, Op.Read(0, 0)), (4, 5, Op.Read(1, 7)));
        Refuses((1, 10, Op.Won(0, 7)), (2, 3, Op.Read(1, 7)), (4, 5, Op.Read(0, 0)));
    }

    [Test]
    public void Operations_that_touch_are_concurrent() => Accepts((1, 2, Op.Won(0, 7)), (2, 3, Op.Read(0, 0)));

    [Test]
    public void One_of_two_conditional_writes_wins()
    {
        Accepts((1, 10, Op.Won(0, 7)), (2, 9, Op.Lost(0, 8, 1, 7)));
        Refuses((1, 10, Op.Won(0, 7)), (2, 9, Op.Won(0, 8)));
        Refuses((1, 3, Op.Lost(0, 8, 1, 7)), (4, 5, Op.Won(0, 7)));
        Refuses((1, 2, Op.Lost(0, 8, 0, 0)));
    }

    [Test]
    public void A_write_of_unknown_outcome_may_win_late_or_never()
    {
        Accepts((1, null, Op.Unknown(0, 7)), (2, 3, Op.Read(0, 0)), (4, 5, Op.Read(1, 7)), (6, 7, Op.Won(1, 8)));
        Accepts((1, null, Op.Unknown(0, 7)), (2, 3, Op.Read(0, 0)), (4, 5, Op.Won(0, 8)), (6, 7, Op.Read(1, 8)));
        Refuses((1, 2, Op.Read(1, 7)), (3, null, Op.Unknown(0, 7)));
        Refuses((1, null, Op.Unknown(0, 7)), (2, 3, Op.Read(1, 7)), (4, 5, Op.Won(0, 8)));
    }

    [Test]
    public void What_has_no_place_is_told()
    {
        var result = Check((1, 2, Op.Won(0, 7)), (3, 4, Op.Read(1, 7)), (5, 6, Op.Read(0, 0)));
        Assert.That(result.IsLinearizable, Is.False);
        Assert.That(result.Order, Has.Count.EqualTo(2));
        Assert.That(result.Unplaced.Single().Value, Is.EqualTo(Op.Read(0, 0)));
    }

    /// <summary>Without the memory of configurations this takes 14! steps.</summary>
    [Test, CancelAfter(20_000)]
    public void Many_concurrent_reads_are_no_explosion()
    {
        var history = Enumerable.Range(0, 14).Select(i => ((long)i, (long?)1000, Op.Read(0, 0))).Append((30, 900, Op.Won(0, 7))).Append((2000, 2001, Op.Read(0, 0)));
        Refuses([.. history]);
    }

    /// <summary>What monitors do that wait for a successor, with writes of unknown outcome about.</summary>
    [Test]
    public void Crowds_of_reads_during_writes_need_no_search()
    {
        var history = new List<HistoryOperation<Op>>();
        for (var version = 0ul; version < 30; version++)
        {
            var at = (long)version * 100;
            history.Add(new HistoryOperation<Op>(at, at + 90, Op.Won(version, version + 1)));
            history.Add(new HistoryOperation<Op>(at, null, Op.Unknown(version, 1000 + version)));
            for (var reader = 0; reader < 20; reader++)
            {
                history.Add(new HistoryOperation<Op>(at + reader, at + 80 + reader, reader % 2 == 0 ? Op.Read(version, version) : Op.Read(version + 1, version + 1)));
            }
        }

        Assert.That(LinearizabilityChecker.Check(new RegisterSpec(), history, maxConfigurations: 2_000).IsLinearizable, Is.True);
    }

    [Test]
    public void A_search_that_grows_too_large_says_nothing()
    {
        // Twelve versions, two writes of unknown outcome for each: all of them fit, in thousands of ways, and none explains the read.
        var history = Enumerable.Range(0, 24).Select(i => new HistoryOperation<Op>(i, null, Op.Unknown((ulong)i / 2, (ulong)i + 1))).Append(new HistoryOperation<Op>(2000, 2001, Op.Read(12, 5)));
        Assert.That(LinearizabilityChecker.Check(new RegisterSpec(), history, maxConfigurations: 1000).IsLinearizable, Is.Null);
    }

    /// <summary>Random histories made from a real order are accepted; with one result changed they are, nearly always, refused, and an exhaustive search says the same.</summary>
    [Test]
    public void It_agrees_with_an_exhaustive_search()
    {
        var random = new Random(1);
        int accepted = 0, refused = 0;
        for (var round = 0; round < 3000; round++)
        {
            var history = Draw(random, 6);
            if (random.Next(2) == 0) history[random.Next(history.Count)] = history[random.Next(history.Count)] with { Value = Op.Read((ulong)random.Next(4), (ulong)random.Next(4)) };
            var expected = Exhaustive(new RegisterSpec(), history, new RegisterState(0, 0));
            Assert.That(LinearizabilityChecker.Check(new RegisterSpec(), history).IsLinearizable, Is.EqualTo(expected), string.Join("\n", history));
            if (expected) accepted++;
            else refused++;
        }

        Assert.That(accepted, Is.GreaterThan(500));
        Assert.That(refused, Is.GreaterThan(500));
    }

    private static List<HistoryOperation<Op>> Draw(Random random, int count)
    {
        var history = new List<HistoryOperation<Op>>();
        var state = new RegisterState(0, 0);
        for (var i = 1; i <= count; i++)
        {
            var at = i * 10L;
            var expected = (ulong)Math.Max(0, (long)state.Version - random.Next(2));
            var operation = random.Next(3) switch
            {
                0 => Op.Read(state.Version, state.Value),
                1 => Op.Unknown(expected, (ulong)i),
                _ when expected == state.Version => Op.Won(expected, (ulong)i),
                _ => Op.Lost(expected, (ulong)i, state.Version, state.Value),
            };
            if (operation.Kind == RegisterOperationKind.WonWrite || (operation.Kind == RegisterOperationKind.UnknownWrite && expected == state.Version && random.Next(2) == 0))
                state = new RegisterState(state.Version + 1, (ulong)i);
            history.Add(new HistoryOperation<Op>(at - random.Next(30), operation.Kind == RegisterOperationKind.UnknownWrite ? null : at + random.Next(30), operation));
        }

        return history;
    }

    private static bool Exhaustive(RegisterSpec spec, List<HistoryOperation<Op>> left, RegisterState state)
    {
        if (left.TrueForAll(o => o.Completed is null)) return true;
        foreach (var operation in left)
        {
            if (left.Exists(o => o.Completed < operation.Invoked)) continue;
            if (spec.TryApply(state, operation.Value, out var next) && Exhaustive(spec, [.. left.Where(o => o != operation)], next)) return true;
        }

        return false;
    }

    private static void Accepts(params (long, long?, Op)[] history) => Assert.That(Check(history).IsLinearizable, Is.True);

    private static void Refuses(params (long, long?, Op)[] history) => Assert.That(Check(history).IsLinearizable, Is.False);

    private static LinearizabilityResult<Op> Check(params (long Invoked, long? Completed, Op Operation)[] history) =>
        LinearizabilityChecker.Check(new RegisterSpec(), history.Select(h => new HistoryOperation<Op>(h.Invoked, h.Completed, h.Operation)));
}
