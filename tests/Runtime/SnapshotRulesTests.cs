using Delos.Runtime;

namespace Delos.Tests.Runtime;

/// <summary>Which snapshots replica 1 keeps, and what it says of them.</summary>
[TestFixture]
[Category("Trap24")]
public class SnapshotRulesTests
{
    [Test]
    public void Unconfirmed_ones_do_not_pile_up_and_the_next_to_be_confirmed_stays()
    {
        // All others are away: nobody agrees beyond 100.
        List<SnapshotInfo> known = [];
        for (var cursor = 100L; cursor <= 2000; cursor += 100)
        {
            known.Insert(0, new SnapshotInfo(cursor, 1));
            var (from, superfluous) = Keep(known, agreedUpTo: 100, reported: 100);
            Assert.That(from, Is.EqualTo(100));
            known.RemoveAll(superfluous.Contains);
            Assert.That(known, Has.Count.LessThanOrEqualTo(4));
        }

        Assert.That(Cursors(known), Is.EqualTo(new long[] { 2000, 1900, 200, 100 }), "two that are new, the first that can be confirmed, the one that is");

        // Somebody is back, and has come as far as 300.
        var (later, gone) = Keep(known, agreedUpTo: 300, reported: 100);
        Assert.That((later, gone), Is.EqualTo((100L, Array.Empty<SnapshotInfo>())));
    }

    [Test]
    public void One_that_is_always_a_little_ahead_of_the_agreement_is_confirmed_in_the_end()
    {
        // Each time there is a new one, and agreement up to the third before.
        List<SnapshotInfo> known = [];
        var from = -1L;
        for (var cursor = 100L; cursor <= 3000; cursor += 100)
        {
            known.Insert(0, new SnapshotInfo(cursor, 1));
            (from, var superfluous) = Keep(known, agreedUpTo: cursor - 300, reported: from);
            known.RemoveAll(superfluous.Contains);
        }

        Assert.That(from, Is.GreaterThan(2000), "the log can be trimmed");
    }

    [Test]
    public void What_was_reported_stays_also_if_this_process_does_not_remember_who_agreed()
    {
        var known = Snapshots(900, 800, 700, 600, 500, 400, 300);
        var (from, superfluous) = Keep(known, agreedUpTo: -1, reported: 400);
        Assert.That((from, Cursors(superfluous)), Is.EqualTo((-1L, new long[] { 700, 600 })));
    }

    [Test]
    public void Those_below_the_trimmed_part_go_and_are_not_taken_for_the_next_to_be_confirmed()
    {
        var (_, superfluous) = Keep(Snapshots(900, 800, 700, 600, 100), agreedUpTo: 50, reported: 50, trimmed: 200);
        Assert.That(Cursors(superfluous).Order(), Is.EqualTo(new long[] { 100, 700 }));
    }

    [Test]
    public void Who_is_alone_confirms_its_own_and_those_of_others_are_theirs()
    {
        SnapshotInfo[] known = [new(500, 1), new(450, 2), new(400, 1), new(300, 1)];
        var (from, superfluous) = SnapshotRules.Keep(known, 1, isShared: true, isAlone: true, -1, -1, 2, 0);
        Assert.That((from, Cursors(superfluous)), Is.EqualTo((400L, new long[] { 300 })));
    }

    [Test]
    public void Who_lost_the_older_one_to_the_trimming_does_not_push_it_on()
    {
        Assert.That(Keep(Snapshots(500, 400), agreedUpTo: 500, reported: 300, trimmed: 400).KeptFrom, Is.EqualTo(400));
        Assert.That(Keep(Snapshots(500), agreedUpTo: 500, reported: 300, trimmed: 400).KeptFrom, Is.EqualTo(400));
        Assert.That(Keep(Snapshots(500), agreedUpTo: 500, reported: -1).KeptFrom, Is.EqualTo(500), "the first one frees the log");
        Assert.That(SnapshotRules.Keep(Snapshots(500), 1, isShared: true, isAlone: false, 500, 300, 2, 400).KeptFrom, Is.EqualTo(500), "a shared one is everybody's");
    }

    private static (long KeptFrom, IReadOnlyList<SnapshotInfo> Superfluous) Keep(IReadOnlyList<SnapshotInfo> known, long agreedUpTo, long reported, long trimmed = 0) =>
        SnapshotRules.Keep(known, 1, isShared: false, isAlone: false, agreedUpTo, reported, 2, trimmed);

    private static SnapshotInfo[] Snapshots(params long[] cursors) => [.. cursors.Select(static c => new SnapshotInfo(c, 1))];

    private static long[] Cursors(IEnumerable<SnapshotInfo> snapshots) => [.. snapshots.Select(static s => s.Cursor)];
}
