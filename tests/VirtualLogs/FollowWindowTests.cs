using Delos.Client;
using Delos.Client.VirtualLogs;
using Delos.Protocol.Entries;

namespace Delos.Tests.VirtualLogs;

/// <summary>What a shared subscription keeps.</summary>
public class FollowWindowTests
{
    [Test]
    public void A_position_is_found_in_its_batch()
    {
        var window = new FollowWindow(10, long.MaxValue);
        Assert.That((window.Low, window.High, window.Find(10)), Is.EqualTo((10L, 10L, (FollowedBatch?)null)));
        for (var first = 10; first < 70; first += 3) window.Add(Batch(first, first + 3));
        for (var position = 10; position < 70; position++) Assert.That(window.Find(position)!.First, Is.EqualTo(position - (position - 10) % 3));
        Assert.That((window.Low, window.High, window.Find(70)), Is.EqualTo((10L, 70L, (FollowedBatch?)null)));
    }

    [Test]
    public void The_oldest_go_when_there_is_too_much_and_the_newest_stays()
    {
        var one = Batch(0, 1).Bytes;
        var window = new FollowWindow(0, 3 * one);
        for (var first = 0; first < 1_000; first++)
        {
            window.Add(Batch(first, first + 1));
            Assert.That((window.Low, window.High), Is.EqualTo(((long)Math.Max(0, first - 2), first + 1L)));
            for (var position = window.Low; position < window.High; position++) Assert.That(window.Find(position)!.First, Is.EqualTo(position));
        }

        window.Add(new FollowedBatch(1_000, default, 4 * one, 0, [], 1_007));
        Assert.That((window.Low, window.High), Is.EqualTo((1_000L, 1_007L)));
    }

    [Test]
    public void What_brings_no_position_further_is_not_kept()
    {
        var window = new FollowWindow(5, 1);
        window.Add(Batch(5, 5));
        Assert.That((window.Low, window.High), Is.EqualTo((5L, 5L)));
        window.Add(Batch(5, 6));
        window.Add(Batch(6, 6));
        Assert.That(window.Find(5)!.Next, Is.EqualTo(6));
    }

    [Test]
    public void Part_of_a_batch_is_its_entries_from_there_on()
    {
        // Positions 4 and 6 hold nothing for readers.
        var batch = new FollowedBatch(4, default, 0, 0, [Entry(5), Entry(7), Entry(8)], 9);
        Assert.That(batch.From(4), Is.SameAs(batch.Batch));
        Assert.That(batch.From(6).Entries.Select(e => e.Position), Is.EqualTo(new[] { 7, 8 }));
        Assert.That((batch.From(8).Entries.Count, batch.From(8).Next), Is.EqualTo((1, 9L)));
    }

    [Test]
    public void Far_behind_is_whom_more_lies_before_than_is_kept()
    {
        var window = new FollowWindow(0, 1 << 20);
        Assert.That((window.IsFarBehind(1 << 10), window.IsFarBehind((1 << 10) + 1)), Is.EqualTo((false, true)), "of a KiB each, while nothing is known");
        window.Add(new FollowedBatch(0, default, 100 << 10, 0, [], 10));
        Assert.That((window.IsFarBehind(10 + 102), window.IsFarBehind(10 + 103)), Is.EqualTo((false, true)), "of 10 KiB each");
        Assert.That(window.IsFarBehind(5), Is.False);
    }

    [Test]
    public void Recent_is_what_came_lately_and_stays_for_a_while()
    {
        var one = Batch(0, 1).Bytes;
        var window = new FollowWindow(0, 10 * one);
        for (var first = 0; first < 5; first++) window.Add(Batch(first, first + 1, received: first));
        Assert.That(Enumerable.Range(0, 7).Select(position => window.IsRecent(position, since: 2)), Is.EqualTo(new[] { false, false, true, true, true, true, true }));
        for (var first = 5; first < 20; first++) window.Add(Batch(first, first + 1, received: first));
        Assert.That((window.Low, window.IsRecent(9, 0), window.IsRecent(13, 0), window.IsRecent(17, 0)), Is.EqualTo((10L, false, false, true)));
    }

    internal static FollowedBatch Batch(long first, long next, long received = 0) =>
        new(first, default, 0, received, [.. Enumerable.Range(0, (int)(next - first)).Select(i => Entry(first + i))], next);

    private static LogEntry Entry(long position) => new(position, default, default, EntryKind.Data);
}
