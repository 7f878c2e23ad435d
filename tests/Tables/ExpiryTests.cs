using Delos.Protocol.Tables;

namespace Delos.Tests.Tables;

/// <summary>Rows that expire: by log time alone, invisible at once, removed later.</summary>
public sealed class ExpiryTests
{
    private TableBed _bed = null!;

    [SetUp]
    public void Create()
    {
        _bed = new TableBed();
        _bed.Do(new CreateTable("t", [new("id", ColumnType.Int64), new("name", ColumnType.String, true)], ["id"], [new("name", ["name"], Unique: true)], new TableSettings(TtlMicros: 60_000_000)));
    }

    [TearDown]
    public void Dispose() => _bed.Dispose();

    [Test]
    public void A_row_is_invisible_as_soon_as_log_time_has_passed_its_expiry()
    {
        _bed.Do(Put(1, "a"));
        Pass(59.999999);
        Assert.That((_bed.Get("t", 1) is not null, _bed.Scan(new ScanRows("t", index: "name"))), Is.EqualTo((true, "1")));
        Pass(0.000001);
        Assert.That((_bed.Get("t", 1), _bed.Scan(new ScanRows("t", index: "name")), _bed.Scan(new ScanRows("t"))), Is.EqualTo(((Row?)null, "", "")));
        Assert.That(_bed.Describe("t").Rows, Is.EqualTo(1), "not removed yet");
    }

    [Test]
    public void An_operation_can_say_when_its_row_expires()
    {
        _bed.Do(
            TableOp.Put("t", Row.Of(("id", 1)), Expiry.Never), TableOp.Put("t", Row.Of(("id", 2)), Expiry.After(TimeSpan.FromSeconds(5))), TableOp.Put("t", Row.Of(("id", 3)), Expiry.At(TableBed.Start.AddSeconds(7))), TableOp.Put("t", Row.Of(("id", 4))));
        Assert.That(_bed.Rows(new ScanRows("t")).Rows.Select(r => (r!.ExpiresAt - CellValue.MicrosOf(TableBed.Start)) / 1_000_000), Is.EqualTo(new long?[] { null, 5, 7, 60 }));
        Pass(6);
        Assert.That(_bed.Scan(new ScanRows("t")), Is.EqualTo("1 3 4"));
    }

    [Test]
    public void An_update_leaves_the_expiry_unless_it_says_otherwise()
    {
        _bed.Do(Put(1, "a"), Put(2, "b"));
        Pass(30);
        _bed.Do(TableOp.Update("t", [1], Row.Of(("name", "x"))), TableOp.Update("t", [2], Row.Empty) with { Expiry = Expiry.After(TimeSpan.FromSeconds(60)) });
        Pass(30);
        Assert.That(_bed.Scan(new ScanRows("t")), Is.EqualTo("2"));
    }

    [Test]
    public void An_expired_row_is_no_row_to_any_operation()
    {
        _bed.Do(Put(1, "a"), Put(2, "b"), Put(3, "c"));
        Pass(60);
        _bed.Refused(TableStatus.NoSuchRow, TableOp.Update("t", [1], Row.Of(("name", "x"))));
        _bed.Do(TableOp.Check("t", [1], Condition.Absent), TableOp.Insert("t", Row.Of(("id", 1))), TableOp.Delete("t", [2]));
        Assert.That(_bed.Do(TableOp.Put("t", Row.Of(("id", 3)))).Results[0].Former, Is.EqualTo(RowVersion.None));
        _bed.Settle();
        Assert.That(_bed.Scan(new ScanRows("t")), Is.EqualTo("1 3"));
        TableConsistency.Check(_bed);
    }

    [Test]
    public void An_expired_row_does_not_stand_in_the_way_of_uniqueness()
    {
        _bed.Do(Put(1, "a"));
        Pass(60);
        _bed.Do(Put(2, "a"));
        Assert.That(_bed.Scan(new ScanRows("t", index: "name")), Is.EqualTo("2"));
        Assert.That(_bed.Describe("t").Rows, Is.EqualTo(1));
        TableConsistency.Check(_bed);
    }

    [Test]
    public void Expired_rows_are_removed_step_by_step_and_watchers_are_told()
    {
        for (var i = 0; i < 25; i++) _bed.Do(Put(i, $"n{i}"));
        Pass(60);
        Assert.That(_bed.Do(new Sweep(10)).Done, Is.EqualTo(10));
        Assert.That(_bed.Do(new Sweep(10)).More, Is.True);
        Assert.That(_bed.Do(new Sweep(10)).Done, Is.EqualTo(5));
        Assert.That(_bed.Do(new Sweep(10)).Done, Is.Zero);
        Assert.That(_bed.Describe("t").Rows, Is.Zero);
        Assert.That(_bed.Changes(new ReadChanges("t", 0, RowVersion.None, KeyBounds.All)).Changes.Count(c => c.Kind == ChangeKind.Expire), Is.EqualTo(25));
        TableConsistency.Check(_bed);
    }

    [Test]
    public void A_row_that_expires_before_others_were_removed_is_removed_too()
    {
        _bed.Do(Put(1, "a"));
        Pass(100);
        _bed.Settle();
        _bed.Do(TableOp.Put("t", Row.Of(("id", 2)), Expiry.At(TableBed.Start)));
        Assert.That(_bed.Get("t", 2), Is.Null, "the time had passed already");
        _bed.Settle();
        Assert.That(_bed.Describe("t").Rows, Is.Zero);
    }

    [Test]
    public void Maintenance_brings_log_time_on_when_a_row_is_due()
    {
        _bed.Do(Put(1, "a"));
        using var snapshot = _bed.Store.Snapshot();
        var start = CellValue.MicrosOf(TableBed.Start);
        Assert.That(_bed.Maintenance.Due(snapshot, start + 59_999_999, 10), Is.Empty);
        Assert.That(_bed.Maintenance.Due(snapshot, start + 60_000_000, 10), Is.EqualTo(new[] { new Sweep(10) }));
    }

    [Test]
    public void A_time_to_live_that_makes_no_sense_is_refused()
    {
        _bed.Refused(TableStatus.InvalidArgument, TableOp.Put("t", Row.Of(("id", 1)), new Expiry(ExpiryKind.After, 0)));
        _bed.Refused(TableStatus.InvalidArgument, TableOp.Put("t", Row.Of(("id", 1)), new Expiry(ExpiryKind.After, long.MaxValue)));
        _bed.Refused(TableStatus.InvalidArgument, new AlterTable("t", [], [], new TableSettings(TtlMicros: long.MaxValue)));
    }

    private static TableOp Put(long id, string name) => TableOp.Put("t", Row.Of(("id", id), ("name", name)));

    /// <summary>Log time passes, with a command that does nothing else.</summary>
    private void Pass(double seconds)
    {
        _bed.Time += TimeSpan.FromMicroseconds(Math.Round(seconds * 1_000_000));
        _bed.Do(new Transact());
    }
}
