using Delos.Protocol.Tables;

namespace Delos.Tests.Tables;

/// <summary>Writing rows: what each operation does and refuses, and that a transaction happens as a whole or not at all.</summary>
public sealed class RowTests
{
    private TableBed _bed = null!;

    [SetUp]
    public void Create()
    {
        _bed = new TableBed();
        _bed.Do(new CreateTable("t", [new("id", ColumnType.Int64), new("name", ColumnType.String, false, "none"), new("score", ColumnType.Double, true)], "id"));
    }

    [TearDown]
    public void Dispose() => _bed.Dispose();

    [Test]
    public void A_put_writes_the_whole_row_with_defaults_for_the_rest()
    {
        _bed.Do(TableOp.Put("t", Row.Of(("id", 1), ("name", "a"), ("score", 0.5))));
        _bed.Do(TableOp.Put("t", Row.Of(("id", 1))));
        Assert.That(_bed.Get("t", 1), Is.EqualTo(Row.Of(("id", 1), ("name", "none"), ("score", CellValue.Null))));
    }

    [Test]
    public void An_insert_is_refused_where_there_is_a_row()
    {
        _bed.Do(TableOp.Insert("t", Row.Of(("id", 1))));
        var reply = _bed.Refused(TableStatus.RowExists, TableOp.Insert("t", Row.Of(("id", 2))), TableOp.Insert("t", Row.Of(("id", 1))));
        Assert.That((reply.FailedOp, reply.Current), Is.EqualTo((1, _bed.VersionOf("t", 1))));
    }

    [Test]
    public void An_update_changes_what_it_names_and_needs_a_row()
    {
        _bed.Do(TableOp.Put("t", Row.Of(("id", 1), ("name", "a"), ("score", 0.5))));
        _bed.Do(TableOp.Update("t", [1], Row.Of(("name", "b"))));
        Assert.That(_bed.Get("t", 1), Is.EqualTo(Row.Of(("id", 1), ("name", "b"), ("score", 0.5))));
        _bed.Refused(TableStatus.NoSuchRow, TableOp.Update("t", [2], Row.Of(("name", "b"))));
        _bed.Refused(TableStatus.InvalidArgument, TableOp.Update("t", [1], Row.Of(("id", 2))));
    }

    [Test]
    public void A_delete_is_no_error_where_there_is_no_row()
    {
        _bed.Do(TableOp.Put("t", Row.Of(("id", 1))));
        var version = _bed.VersionOf("t", 1);
        Assert.That(_bed.Do(TableOp.Delete("t", [1])).Results[0], Is.EqualTo(new OpResult(RowVersion.None, version)));
        Assert.That(_bed.Do(TableOp.Delete("t", [1])).Results[0], Is.EqualTo(new OpResult(RowVersion.None, RowVersion.None)));
        Assert.That(_bed.Get("t", 1), Is.Null);
    }

    [Test]
    public void The_version_of_a_row_is_the_place_of_its_command_in_the_log()
    {
        _bed.Position = 500;
        var replies = _bed.ApplyEntry(new Transact(TableOp.Put("t", Row.Of(("id", 1)))), new Transact(TableOp.Put("t", Row.Of(("id", 1))), TableOp.Put("t", Row.Of(("id", 2)))));
        Assert.That(replies[0].Results[0].Version, Is.EqualTo(new RowVersion(500, 0)));
        Assert.That(replies[1].Results[0], Is.EqualTo(new OpResult(new RowVersion(500, 1), new RowVersion(500, 0))));
        Assert.That((_bed.VersionOf("t", 1), _bed.VersionOf("t", 2), _bed.VersionOf("t", 3)), Is.EqualTo((new RowVersion(500, 1), new RowVersion(500, 1), RowVersion.None)));
    }

    [Test]
    public void A_transaction_happens_as_a_whole_or_not_at_all()
    {
        var reply = _bed.Refused(TableStatus.NoSuchRow, TableOp.Put("t", Row.Of(("id", 1))), TableOp.Put("t", Row.Of(("id", 2))), TableOp.Update("t", [3], Row.Of(("name", "x"))), TableOp.Put("t", Row.Of(("id", 4))));
        Assert.That(reply.FailedOp, Is.EqualTo(2));
        Assert.That(_bed.Describe("t").Rows, Is.Zero);
    }

    [Test]
    public void Operations_see_what_those_before_them_did()
    {
        _bed.Do(TableOp.Insert("t", Row.Of(("id", 1))), TableOp.Update("t", [1], Row.Of(("name", "x"))), TableOp.Check("t", [1], Condition.On("name", PredicateOp.Equal, "x")), TableOp.Delete("t", [1]), TableOp.Insert("t", Row.Of(("id", 1), ("name", "y"))));
        Assert.That(_bed.Get("t", 1)!["name"], Is.EqualTo((CellValue)"y"));
    }

    [Test]
    public void Conditions_that_hold_let_the_operation_through()
    {
        _bed.Do(TableOp.Put("t", Row.Of(("id", 1), ("name", "abc"), ("score", 1.5)), default, Condition.Absent));
        _bed.Do(TableOp.Check("t", [1], Condition.Exists, Condition.VersionIs(_bed.VersionOf("t", 1)), Condition.On("name", PredicateOp.StartsWith, "ab"), Condition.On("score", PredicateOp.Less, 2.0), Condition.On("score", PredicateOp.IsNotNull)));
        _bed.Do(TableOp.Check("t", [2], Condition.Absent));
    }

    [Test]
    public void A_condition_that_does_not_hold_refuses_the_transaction_and_names_the_version()
    {
        _bed.Do(TableOp.Put("t", Row.Of(("id", 1), ("name", "abc"))));
        var version = _bed.VersionOf("t", 1);
        foreach (var condition in new[]
        {
            Condition.Absent, Condition.VersionIs(new RowVersion(version.Position, version.Index + 1)), Condition.VersionIs(RowVersion.None), Condition.On("name", PredicateOp.NotEqual, "abc"), Condition.On("score", PredicateOp.Equal, 1.0),
            Condition.On("score", PredicateOp.NotEqual, 1.0), Condition.On("score", PredicateOp.IsNotNull), Condition.On("name", PredicateOp.GreaterOrEqual, "abd"),
        })
        {
            var reply = _bed.Refused(TableStatus.PreconditionFailed, TableOp.Check("t", [7], Condition.Absent), TableOp.Delete("t", [1], condition));
            Assert.That((reply.FailedOp, reply.Current), Is.EqualTo((1, version)), condition.ToString());
        }

        foreach (var condition in new[] { Condition.Exists, Condition.VersionIs(version), Condition.On("name", PredicateOp.IsNull) })
        {
            Assert.That(_bed.Refused(TableStatus.PreconditionFailed, TableOp.Check("t", [2], condition)).Current, Is.EqualTo(RowVersion.None));
        }
    }

    [Test]
    public void Conditions_that_make_no_sense_are_refused()
    {
        _bed.Do(TableOp.Put("t", Row.Of(("id", 1))));
        _bed.Refused(TableStatus.UnknownColumn, TableOp.Check("t", [1], Condition.On("x", PredicateOp.Equal, 1)));
        _bed.Refused(TableStatus.TypeMismatch, TableOp.Check("t", [1], Condition.On("name", PredicateOp.Equal, 1)));
        _bed.Refused(TableStatus.TypeMismatch, TableOp.Check("t", [1], Condition.On("id", PredicateOp.StartsWith, 1)));
        _bed.Refused(TableStatus.InvalidArgument, TableOp.Check("t", [1], Condition.On("name", PredicateOp.Equal)));
        _bed.Refused(TableStatus.InvalidArgument, TableOp.Check("t", [1], Condition.On("name", PredicateOp.IsNull, "x")));
        _bed.Refused(TableStatus.TooLarge, TableOp.Check("t", [1], [.. Enumerable.Repeat(Condition.Exists, TableLimits.Predicates + 1)]));
    }

    [Test]
    public void Rows_that_do_not_fit_the_columns_are_refused()
    {
        _bed.Refused(TableStatus.TypeMismatch, TableOp.Put("t", Row.Of(("id", "1"))));
        _bed.Refused(TableStatus.TypeMismatch, TableOp.Put("t", Row.Of(("name", "x"))));
        _bed.Refused(TableStatus.TypeMismatch, TableOp.Put("t", Row.Of(("id", 1), ("name", CellValue.Null))));
        _bed.Refused(TableStatus.TypeMismatch, TableOp.Put("t", Row.Of(("id", 1), ("score", 1))));
        _bed.Refused(TableStatus.UnknownColumn, TableOp.Put("t", Row.Of(("id", 1), ("x", 1))));
        _bed.Refused(TableStatus.InvalidArgument, TableOp.Put("t", Row.Of(("id", 1), ("id", 1))));
        _bed.Refused(TableStatus.InvalidArgument, TableOp.Delete("t", [1, 2]));
        _bed.Refused(TableStatus.InvalidArgument, TableOp.Delete("t", []));
        _bed.Refused(TableStatus.TypeMismatch, TableOp.Delete("t", ["1"]));
        _bed.Refused(TableStatus.TypeMismatch, TableOp.Delete("t", [CellValue.Null]));
        _bed.Refused(TableStatus.InvalidArgument, TableOp.Put("t", Row.Of(("id", 1))) with { Key = [1] });
        _bed.Refused(TableStatus.InvalidArgument, TableOp.Delete("t", [1]) with { Row = Row.Of(("id", 1)) });
        _bed.Refused(TableStatus.InvalidArgument, TableOp.Delete("t", [1]) with { Expiry = Expiry.Never });
    }

    [Test]
    public void What_is_too_large_is_refused()
    {
        _bed.Do(new CreateTable("s", [new("key", ColumnType.String), new("data", ColumnType.Bytes, true)], ["key"], [], new TableSettings(MaxRowBytes: 2000)));
        _bed.Refused(TableStatus.TooLarge, TableOp.Put("s", Row.Of(("key", new string('k', TableLimits.KeyBytes)))));
        _bed.Refused(TableStatus.TooLarge, TableOp.Put("s", Row.Of(("key", "k"), ("data", new byte[2000]))));
        _bed.Do(TableOp.Put("s", Row.Of(("key", "k"), ("data", new byte[1900]))));
        _bed.Do(new AlterTable("s", [], [], TableSettings.Default));
        _bed.Refused(TableStatus.TooLarge, TableOp.Put("s", Row.Of(("key", "k"), ("data", new byte[TableLimits.RowBytes]))));
        _bed.Refused(TableStatus.TooLarge, [.. Enumerable.Repeat(TableOp.Check("t", [1]), TableLimits.Ops + 1)]);

        // Updates that name a few bytes of large rows: a watcher is given the rows.
        _bed.Do(new CreateTable("wide", [new("id", ColumnType.Int64), new("data", ColumnType.Bytes), new("n", ColumnType.Int64)], "id"));
        for (var i = 0; i < 8; i++) _bed.Do(TableOp.Put("wide", Row.Of(("id", (long)i), ("data", new byte[500_000]), ("n", 0L))));
        _bed.Refused(TableStatus.TooLarge, [.. Enumerable.Range(0, 8).Select(static i => TableOp.Update("wide", [(long)i], Row.Of(("n", 1L))))]);
        _bed.Do([.. Enumerable.Range(0, 5).Select(static i => TableOp.Update("wide", [(long)i], Row.Of(("n", 1L))))]);
    }

    [Test]
    public void A_table_keeps_to_its_quota_of_rows()
    {
        _bed.Do(new AlterTable("t", [], [], new TableSettings(MaxRows: 2)));
        _bed.Do(TableOp.Put("t", Row.Of(("id", 1))), TableOp.Put("t", Row.Of(("id", 2))));
        _bed.Refused(TableStatus.QuotaExceeded, TableOp.Put("t", Row.Of(("id", 3))));
        _bed.Do(TableOp.Put("t", Row.Of(("id", 3))), TableOp.Delete("t", [1]));
        _bed.Do(new AlterTable("t", [], [], new TableSettings(MaxRows: 1)));
        _bed.Do(TableOp.Put("t", Row.Of(("id", 3), ("name", "as many as before"))));
        _bed.Do(TableOp.Delete("t", [2]));
        Assert.That(_bed.Describe("t").Rows, Is.EqualTo(1));
    }

    [Test]
    public void A_table_keeps_to_its_quota_of_bytes()
    {
        _bed.Do(new AlterTable("t", [], [], new TableSettings(MaxBytes: 300)));
        _bed.Do(TableOp.Put("t", Row.Of(("id", 1), ("name", new string('x', 200)))));
        var bytes = _bed.Describe("t").Bytes;
        Assert.That(bytes, Is.InRange(200, 300));
        _bed.Refused(TableStatus.QuotaExceeded, TableOp.Put("t", Row.Of(("id", 2), ("name", new string('x', 100)))));
        _bed.Refused(TableStatus.QuotaExceeded, TableOp.Update("t", [1], Row.Of(("name", new string('x', 300)))));
        _bed.Do(TableOp.Update("t", [1], Row.Of(("name", ""))));
        Assert.That(_bed.Describe("t").Bytes, Is.EqualTo(bytes - 200));
        _bed.Do(TableOp.Delete("t", [1]));
        Assert.That(_bed.Describe("t").Bytes, Is.Zero);
    }
}
