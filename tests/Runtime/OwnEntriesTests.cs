using Delos.Runtime;

namespace Delos.Tests.Runtime;

/// <summary>What a replica appended itself, until it is applied.</summary>
public sealed class OwnEntriesTests
{
    private readonly OwnEntries _entries = new();

    [Test]
    public void An_entry_is_taken_when_it_is_next_with_those_behind_it()
    {
        Add(7, 5, 6, 9);
        Assert.That((_entries.HasAny(4), _entries.TakeFrom(4, 1)), Is.EqualTo((false, (Delos.Client.LogBatch?)null)), "others lie in front");
        Assert.That(_entries.HasAny(5));
        Assert.That(Take(5), Is.EqualTo(new long[] { 5, 6, 7 }));
        Assert.That(_entries.HasAny(8), Is.False);
        Assert.That(Take(9), Is.EqualTo(new long[] { 9 }));
        Assert.That(_entries.HasAny(long.MaxValue), Is.False);
    }

    [Test]
    public void What_was_applied_is_forgotten()
    {
        Add(1, 2, 3, 8);
        Assert.That(_entries.HasAny(5), "there is something to forget");
        Assert.That(_entries.TakeFrom(5, 1), Is.Null);
        Assert.That(_entries.HasAny(5), Is.False);
        Add(3);
        Assert.That(Take(8), Is.EqualTo(new long[] { 8 }));
    }

    [Test]
    public void A_replica_that_lags_keeps_only_so_many()
    {
        Add([.. Enumerable.Range(10, 1000).Select(i => (long)i)]);
        Assert.That(Take(10), Has.Count.LessThan(100).And.Count.GreaterThan(10));
    }

    [Test]
    public void What_may_have_been_edited_since_is_left_to_the_follower()
    {
        Add(5, 6);
        Assert.That(_entries.TakeFrom(5, 2), Is.Null);
        Assert.That(_entries.HasAny(6), Is.True, "the other one comes later");
        Assert.That(_entries.TakeFrom(6, 2), Is.Null);
        _entries.Add(7, [], null);
        Assert.That(_entries.TakeFrom(7, null), Is.Null, "nothing was known");
        Assert.That(_entries.HasAny(long.MaxValue), Is.False);
    }

    private void Add(params long[] positions)
    {
        foreach (var position in positions) _entries.Add(position, BitConverter.GetBytes(position), 1);
    }

    private List<long> Take(long next)
    {
        var batch = _entries.TakeFrom(next, 1)!;
        Assert.That(batch.Entries.Select(e => BitConverter.ToInt64(e.Payload.Span)), Is.EqualTo(batch.Entries.Select(e => e.Position)));
        Assert.That((batch.Entries[0].Position, batch.Next), Is.EqualTo((next, next + batch.Entries.Count)));
        return [.. batch.Entries.Select(e => e.Position)];
    }
}
