using Delos.Protocol.Tables;

namespace Delos.Tests.Tables;

/// <summary>Watching a table: all changes, in order, without a gap, or the word that there would be one.</summary>
public sealed class ChangeTests
{
    private TableBed _bed = null!;

    [SetUp]
    public void Create()
    {
        _bed = new TableBed();
        _bed.Do(new CreateTable("t", [new("id", ColumnType.Int64), new("v", ColumnType.Int64, true)], "id"));
    }

    [TearDown]
    public void Dispose() => _bed.Dispose();

    [Test]
    public void Changes_come_in_the_order_of_the_log_with_the_rows_as_they_were()
    {
        _bed.Do(Put(1, 10), Put(2, 20), Put(1, 11));
        _bed.Do(TableOp.Delete("t", [2]));
        _bed.Do(TableOp.Delete("t", [99]));
        var changes = _bed.Changes(new ReadChanges("t", 0, RowVersion.None, KeyBounds.All));
        Assert.That(changes.Changes.Select(Show), Is.EqualTo(new[] { "Put 1 = 10", "Put 2 = 20", "Put 1 = 11", "Delete 2" }));
        Assert.That(changes.Changes.Select(c => c.Version.Position), Is.EqualTo(new[] { 11, 11, 11, 12 }));
        Assert.That(changes.Changes[0].Row!.Version, Is.EqualTo(changes.Changes[0].Version));
        Assert.That((changes.Through, changes.More), Is.EqualTo((new RowVersion(13, 0), false)));
    }

    [Test]
    public void Whoever_goes_on_from_where_an_answer_ended_misses_nothing_and_sees_nothing_twice()
    {
        for (var i = 0; i < 40; i++) _bed.Do([.. Enumerable.Range(0, 1 + (i % 3)).Select(k => Put(k, i))]);
        var all = _bed.Changes(new ReadChanges("t", 0, RowVersion.None, KeyBounds.All)).Changes.Select(Show).ToArray();
        var (seen, after) = (new List<string>(), RowVersion.None);
        for (var more = true; more;)
        {
            var page = _bed.Changes(new ReadChanges("t", 0, after, KeyBounds.All, MaxChanges: 2));
            Assert.That(page.Changes, Has.Count.LessThanOrEqualTo(4), "all of one command come together");
            seen.AddRange(page.Changes.Select(Show));
            (after, more) = (page.Through, page.More);
        }

        Assert.That(seen, Is.EqualTo(all));
        Assert.That(_bed.Changes(new ReadChanges("t", 0, after, KeyBounds.All)).Changes, Is.Empty);
        _bed.Do(Put(7, 7));
        Assert.That(_bed.Changes(new ReadChanges("t", 0, after, KeyBounds.All)).Changes.Select(Show), Is.EqualTo(new[] { "Put 7 = 7" }));
    }

    [Test]
    public void A_watch_of_a_range_gets_that_range_and_yet_moves_on()
    {
        _bed.Do(Put(1, 1), Put(5, 5), Put(9, 9));
        _bed.Do(Put(1, 2));
        var changes = _bed.Changes(new ReadChanges("t", 0, RowVersion.None, KeyBounds.Between([4], [9])));
        Assert.That(changes.Changes.Select(Show), Is.EqualTo(new[] { "Put 5 = 5" }));
        Assert.That(changes.Through, Is.EqualTo(new RowVersion(12, 0)));
    }

    [Test]
    public void Refused_commands_leave_no_changes()
    {
        _bed.Refused(TableStatus.RowExists, Put(1, 1), TableOp.Insert("t", Row.Of(("id", 1))));
        Assert.That(_bed.Changes(new ReadChanges("t", 0, RowVersion.None, KeyBounds.All)).Changes, Is.Empty);
    }

    [Test]
    public void A_watcher_that_is_ahead_of_a_lagging_replica_gets_nothing_yet()
    {
        var changes = _bed.Changes(new ReadChanges("t", 0, new RowVersion(1000, 3), KeyBounds.All));
        Assert.That((changes.Changes.Count, changes.Through, changes.More), Is.EqualTo((0, new RowVersion(1000, 3), false)));
    }

    [Test]
    public void Changes_beyond_the_retention_are_removed_and_whoever_needs_them_is_told()
    {
        _bed.Do(new AlterTable("t", [], [], new TableSettings(RetainedChanges: 10)));
        for (var i = 0; i < 30; i++) _bed.Do(Put(i, i));
        var kept = _bed.Describe("t");
        Assert.That(kept.Changes, Is.EqualTo(10));
        Assert.That(_bed.Changes(new ReadChanges("t", 0, kept.ChangesAfter, KeyBounds.All)).Changes.Select(Show).First(), Is.EqualTo("Put 20 = 20"));
        var before = new RowVersion(kept.ChangesAfter.Position - 1, 0);
        var reply = _bed.Query(new ReadChanges("t", 0, before, KeyBounds.All));
        Assert.That((reply.Status, reply.Message.Contains("scan the table")), Is.EqualTo((TableStatus.SnapshotExpired, true)));
        TableConsistency.Check(_bed);
    }

    [Test]
    public void Changes_beyond_the_retention_are_removed_some_at_a_time()
    {
        _bed.Do(new AlterTable("t", [], [], new TableSettings(RetainedChanges: 640)));
        var kept = new List<long>();
        for (var i = 0; i < 660; i++)
        {
            _bed.Do(Put(i % 7, i));
            kept.Add(_bed.Describe("t").Changes);
        }

        Assert.That(kept[..640], Is.EqualTo(Enumerable.Range(1, 640)));
        Assert.That(kept[640..], Is.EqualTo(new[] { 641, 642, 643, 644, 645, 640, 641, 642, 643, 644, 645, 640, 641, 642, 643, 644, 645, 640, 641, 642 }));
        _bed.Settle(7);
        Assert.That(_bed.Describe("t").Changes, Is.EqualTo(642), "so few are no work for sweeps");
        TableConsistency.Check(_bed);
    }

    [Test]
    public void Bytes_of_changes_are_bounded_too_and_a_lowered_bound_is_reached_by_sweeps()
    {
        for (var i = 0; i < 200; i++) _bed.Do(Put(i, i));
        _bed.Do(new AlterTable("t", [], [], new TableSettings(RetainedChangeBytes: 500)));
        _bed.Settle(7);
        Assert.That(_bed.Describe("t").ChangeBytes, Is.InRange(300, 500));
        TableConsistency.Check(_bed);
    }

    [Test]
    public void A_watch_of_a_dropped_table_does_not_go_on_with_its_namesake()
    {
        var id = _bed.Describe("t").Schema.Id;
        _bed.Do(new DropTable("t"));
        _bed.Do(new CreateTable("t", [new("id", ColumnType.Int64)], "id"));
        Assert.That(_bed.Query(new ReadChanges("t", id, RowVersion.None, KeyBounds.All)).Status, Is.EqualTo(TableStatus.UnknownTable));
        Assert.That(_bed.Query(new ReadChanges("t", 0, RowVersion.None, KeyBounds.All)).IsOk);
        Assert.That(_bed.Query(new ReadChanges("t", 0, RowVersion.None, KeyBounds.All, -1)).Status, Is.EqualTo(TableStatus.InvalidArgument));
    }

    [Test]
    public void A_watch_from_a_version_on_does_not_begin_with_a_table_that_was_created_later()
    {
        _bed.Do(Put(1, 10));
        var seen = _bed.Changes(new ReadChanges("t", 0, RowVersion.None, KeyBounds.All)).Through;
        _bed.Do(Put(1, 11));
        _bed.Do(new DropTable("t"));
        _bed.Do(new CreateTable("t", [new("id", ColumnType.Int64), new("v", ColumnType.Int64, true)], "id"));
        _bed.Do(Put(1, 12));
        var created = _bed.Describe("t").Schema.Created;
        _bed.Do(new AlterTable("t", [new("w", ColumnType.String, true)], [], null));
        Assert.That((_bed.Describe("t").Schema.Created, created > seen), Is.EqualTo((created, true)));
        var reply = _bed.Query(new ReadChanges("t", 0, seen, KeyBounds.All));
        Assert.That((reply.Status, reply.Message.Contains("scan the table")), Is.EqualTo((TableStatus.SnapshotExpired, true)));
        foreach (var after in (RowVersion[])[RowVersion.None, created]) Assert.That(_bed.Changes(new ReadChanges("t", 0, after, KeyBounds.All)).Changes.Select(Show), Is.EqualTo(new[] { "Put 1 = 12" }));

        // Whoever knows which table it is may ask from any version on.
        var id = _bed.Describe("t").Schema.Id;
        Assert.That(_bed.Changes(new ReadChanges("t", id, seen, KeyBounds.All)).Changes, Has.Count.EqualTo(1));
    }

    [Test]
    public void Rows_of_old_changes_are_shown_by_the_present_schema()
    {
        _bed.Do(Put(1, 10));
        _bed.Do(new AlterTable("t", [new("w", ColumnType.String, false, "new")], ["v"], null));
        var changes = _bed.Changes(new ReadChanges("t", 0, RowVersion.None, KeyBounds.All));
        Assert.That((string.Join(',', changes.Columns), string.Join(',', changes.Changes[0].Row!.Values)), Is.EqualTo(("id,w", "1,new")));
    }

    private static TableOp Put(long id, long v) => TableOp.Put("t", Row.Of(("id", id), ("v", v)));

    private static string Show(RowChange change) => change.Row is { } row ? $"{change.Kind} {change.Key[0]} = {row.Values[1]}" : $"{change.Kind} {change.Key[0]}";
}
