using Delos.Protocol.Tables;

namespace Delos.Tests.Tables;

/// <summary>Unique indexes, and indexes that are created, built and dropped while rows are written.</summary>
public sealed class IndexTests
{
    private TableBed _bed = null!;

    [SetUp]
    public void Create()
    {
        _bed = new TableBed();
        _bed.Do(new CreateTable("t", [new("id", ColumnType.Int64), new("mail", ColumnType.String, true), new("site", ColumnType.Int64, true)], ["id"], [new("mail", ["mail", "site"], Unique: true)], TableSettings.Default));
    }

    [TearDown]
    public void Dispose() => _bed.Dispose();

    [Test]
    public void Two_rows_with_the_same_values_in_a_unique_index_are_refused()
    {
        _bed.Do(Put(1, "a", 1));
        var reply = _bed.Refused(TableStatus.UniqueViolation, Put(5, "b", 1), Put(2, "a", 1));
        Assert.That((reply.FailedOp, reply.Message), Is.EqualTo((1, "the row with key (1) has the same values in unique index 'mail' of table 't'")));
        _bed.Do(Put(2, "a", 2));
        _bed.Refused(TableStatus.UniqueViolation, TableOp.Update("t", [2], Row.Of(("site", 1))));
    }

    [Test]
    public void A_row_may_be_written_again_and_its_values_move_to_another()
    {
        _bed.Do(Put(1, "a", 1));
        _bed.Do(Put(1, "a", 1));
        _bed.Do(TableOp.Delete("t", [1]), Put(2, "a", 1));
        Assert.That(_bed.Scan(new ScanRows("t", KeyBounds.StartingWith("a"), "mail")), Is.EqualTo("2"));
    }

    [Test]
    public void Rows_with_a_null_do_not_contradict_each_other()
    {
        _bed.Do(Put(1, "a", null), Put(2, "a", null));
        Assert.That(_bed.Scan(new ScanRows("t", KeyBounds.StartingWith("a"), "mail")), Is.EqualTo("1 2"));
    }

    [Test]
    public void A_string_with_zeros_is_not_taken_for_another_of_the_same_beginning()
    {
        _bed.Do(Put(1, "a", 1), Put(2, "a\0", 1), Put(3, "", 1), Put(4, "\0", 1));
        Assert.That(_bed.Scan(new ScanRows("t", index: "mail")), Is.EqualTo("3 4 1 2"));
    }

    [Test]
    public void An_index_on_an_empty_table_is_ready_at_once()
    {
        _bed.Do(new CreateIndex("t", new("site", ["site"])));
        Assert.That(_bed.Describe("t").Schema.FindIndex("site")!.State, Is.EqualTo(IndexState.Ready));
    }

    [Test]
    public void Creating_an_index_that_conflicts_or_makes_no_sense_is_refused()
    {
        _bed.Refused(TableStatus.IndexExists, new CreateIndex("t", new("mail", ["site"])), "mail");
        _bed.Refused(TableStatus.UnknownColumn, new CreateIndex("t", new("x", ["y"])));
        _bed.Refused(TableStatus.InvalidArgument, new CreateIndex("t", new("x", [])));
        _bed.Refused(TableStatus.InvalidArgument, new CreateIndex("t", new("x", ["site", "site"])));
        _bed.Refused(TableStatus.InvalidArgument, new CreateIndex("t", new("no name", ["site"])));
        _bed.Refused(TableStatus.UnknownIndex, new DropIndex("t", "x"));
        for (var i = 1; i < TableLimits.IndexesOfTable; i++) _bed.Do(new CreateIndex("t", new($"i{i}", ["site"])));
        _bed.Refused(TableStatus.TooLarge, new CreateIndex("t", new("one_more", ["site"])));
    }

    [Test]
    public void An_index_on_a_table_with_rows_is_built_step_by_step_while_rows_are_written()
    {
        for (var i = 0; i < 100; i++) _bed.Do(Put(i * 10, $"m{i}", i % 7));
        var schema = _bed.Do(new CreateIndex("t", new("site", ["site"]))).Schema!;
        var index = schema.FindIndex("site")!;
        Assert.That((index.State, _bed.Query(new ScanRows("t", index: "site")).Status), Is.EqualTo((IndexState.Building, TableStatus.IndexNotReady)));
        for (var step = 0; _bed.Describe("t").Schema.FindIndex("site")!.State == IndexState.Building; step++)
        {
            // In front of the backfill and behind it.
            _bed.Do(Put((step * 30) + 5, null, 3), Put(999 - step, null, 4), TableOp.Delete("t", [step * 20]), TableOp.Delete("t", [990 - (step * 10)]), TableOp.Update("t", [500], Row.Of(("site", step))));
            var reply = _bed.Do(new BackfillIndex(schema.Id, index.Id, 9));
            Assert.That(reply.Done, Is.LessThanOrEqualTo(9));
        }

        TableConsistency.Check(_bed);
        Assert.That(_bed.Rows(new ScanRows("t", index: "site")).Rows, Has.Count.EqualTo(_bed.Rows(new ScanRows("t")).Rows.Count));
        Assert.That(_bed.Do(new BackfillIndex(schema.Id, index.Id, 9)).Done, Is.Zero, "a late step does nothing");
    }

    [Test]
    public void Maintenance_builds_indexes_and_then_has_nothing_to_do()
    {
        for (var i = 0; i < 30; i++) _bed.Do(Put(i, null, i));
        _bed.Do(new CreateIndex("t", new("site", ["site"], true)));
        _bed.Settle(4);
        Assert.That(_bed.Scan(new ScanRows("t", KeyBounds.StartingWith(17), "site")), Is.EqualTo("17"));
    }

    [Test]
    public void A_unique_index_over_rows_that_contradict_it_fails_and_can_be_dropped()
    {
        for (var i = 0; i < 20; i++) _bed.Do(Put(i, null, i == 15 ? 3 : i));
        var schema = _bed.Do(new CreateIndex("t", new("site", ["site"], true))).Schema!;
        _bed.Do(new BackfillIndex(schema.Id, schema.FindIndex("site")!.Id, 10));
        var reply = _bed.Apply(new BackfillIndex(schema.Id, schema.FindIndex("site")!.Id, 10));
        Assert.That((reply.Status, reply.Message), Is.EqualTo((TableStatus.UniqueViolation, "index 'site' of table 't' failed: the rows with keys (3) and (15) have the same values; drop it, correct the rows, create it again")));
        Assert.That(_bed.Query(new ScanRows("t", index: "site")).Message, Does.Contain("(3) and (15)"));
        _bed.Do(Put(30, null, 3));
        _bed.Settle();
        _bed.Do(new DropIndex("t", "site"));
        _bed.Settle();
        TableConsistency.Check(_bed);
        _bed.Do(TableOp.Delete("t", [3]), TableOp.Delete("t", [30]));
        _bed.Do(new CreateIndex("t", new("site", ["site"], true)));
        _bed.Settle(3);
        Assert.That(_bed.Scan(new ScanRows("t", KeyBounds.StartingWith(3), "site")), Is.EqualTo("15"));
    }

    [Test]
    public void A_write_that_contradicts_a_unique_index_being_built_is_refused()
    {
        for (var i = 0; i < 20; i++) _bed.Do(Put(i, null, i));
        var schema = _bed.Do(new CreateIndex("t", new("site", ["site"], true))).Schema!;
        _bed.Do(new BackfillIndex(schema.Id, schema.FindIndex("site")!.Id, 10));
        _bed.Refused(TableStatus.UniqueViolation, Put(100, null, 5));
        _bed.Do(Put(101, null, 50));
        _bed.Refused(TableStatus.UniqueViolation, Put(102, null, 50));
    }

    [Test]
    public void A_dropped_index_is_gone_at_once_and_its_entries_after_the_sweeps()
    {
        for (var i = 0; i < 20; i++) _bed.Do(Put(i, null, i));
        _bed.Do(new DropIndex("t", "mail"));
        Assert.That(_bed.Query(new ScanRows("t", index: "mail")).Status, Is.EqualTo(TableStatus.UnknownIndex));
        _bed.Do(Put(5, null, 99));
        _bed.Settle(3);
        TableConsistency.Check(_bed);
        _bed.Do(new AlterTable("t", [], ["mail"], null));
    }

    [Test]
    public void Steps_for_what_was_dropped_are_answered()
    {
        var schema = _bed.Describe("t").Schema;
        Assert.That(_bed.Apply(new BackfillIndex(schema.Id, 999, 1)).Status, Is.EqualTo(TableStatus.UnknownIndex));
        Assert.That(_bed.Apply(new BackfillIndex(999, 999, 1)).Status, Is.EqualTo(TableStatus.UnknownTable));
    }

    [Test]
    public void An_entry_that_is_too_long_is_refused_or_fails_the_index()
    {
        _bed.Refused(TableStatus.TooLarge, Put(1, new string('x', TableLimits.IndexEntryBytes), 1));
        _bed.Do(new DropIndex("t", "mail"));
        _bed.Do(Put(1, new string('x', TableLimits.IndexEntryBytes), 1));
        _bed.Do(new CreateIndex("t", new("mail", ["mail"])));
        _bed.Settle();
        Assert.That(_bed.Describe("t").Schema.FindIndex("mail")!.State, Is.EqualTo(IndexState.Failed));
        TableConsistency.Check(_bed);
    }

    private static TableOp Put(long id, string? mail, long? site) =>
        TableOp.Put("t", Row.Of(("id", id), ("mail", mail is null ? CellValue.Null : mail), ("site", site is { } s ? s : CellValue.Null)));
}
