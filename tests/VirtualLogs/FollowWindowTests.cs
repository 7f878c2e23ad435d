using Delos.Client;
using Delos.Client.VirtualLogs;
using Delos.Protocol.Entries;
using Delos.Protocol.Identity;

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

        window.Add(new FollowedBatch(1_000, default, 4 * one, [], 1_007));
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
        var batch = new FollowedBatch(4, default, 0, [Entry(5), Entry(7), Entry(8)], 9);
        Assert.That(batch.From(4), Is.SameAs(batch.Batch));
        Assert.That(batch.From(6).Entries.Select(e => e.Position), Is.EqualTo(new[] { 7, 8 }));
        Assert.That((batch.From(8).Entries.Count, batch.From(8).Next), Is.EqualTo((1, 9L)));
    }

    internal static FollowedBatch Batch(long first, long next, LogletId loglet = default) =>
        new(first, loglet, 0, [.. Enumerable.Range(0, (int)(next - first)).Select(i => Entry(first + i))], next);

    private static LogEntry Entry(long position) => new(position, default, default, EntryKind.Data);
}
