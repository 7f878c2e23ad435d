using Delos.Protocol.Tables;
using Delos.Tests.Fuzzing;

namespace Delos.Tests.Tables;

/// <summary>Which tables a batch may have changed, as watches are told: never one too few, and seldom one too many.</summary>
public sealed class ChangedTablesTests
{
    private TableBed _bed = null!;

    [SetUp]
    public void Create()
    {
        _bed = new TableBed();
        foreach (var name in (string[])["t", "u", "v"]) _bed.Do(new CreateTable(name, [new("id", ColumnType.Int64), new("n", ColumnType.Int64, true)], ["id"], [new("n", ["n"])], TableSettings.Default));
    }

    [TearDown]
    public void Dispose() => _bed.Dispose();

    [Test]
    public void Those_that_operations_write_and_those_that_are_dropped()
    {
        Apply(Put("t", 1), "t");
        Apply(new Transact([TableOp.Put("u", Row.Of(("id", 1))), TableOp.Delete("t", [1]), TableOp.Put("u", Row.Of(("id", 2)))]), "t u");
        _bed.ApplyEntry(Put("v", 1), Put("t", 1));
        Assert.That(Show(), Is.EqualTo("t v"), "all commands of a batch");
        Apply(new DropTable("v"), "v");
        Apply(Put("t", 1), "t");
    }

    [Test]
    public void Not_those_that_are_only_looked_at_or_whose_change_was_refused()
    {
        Apply(new Transact([TableOp.Put("t", Row.Of(("id", 1))), TableOp.Check("u", [1], Condition.Absent)]), "t");
        _bed.Refused(TableStatus.RowExists, TableOp.Put("u", Row.Of(("id", 7))), TableOp.Insert("t", Row.Of(("id", 1))));
        Assert.That(Show(), Is.Empty);
        Apply(new AlterTable("t", [new("x", ColumnType.Bool, true)], [], null), "");
        Apply(new Sweep(100), "");
        _bed.ApplyBytes([1, 2, 3]);
        Assert.That(Show(), Is.Empty);
    }

    [Test]
    public void All_if_rows_that_expired_were_removed()
    {
        _bed.Do(TableOp.Put("u", Row.Of(("id", 1)), Expiry.After(TimeSpan.FromSeconds(1))));
        _bed.Time += TimeSpan.FromSeconds(2);
        Apply(new Sweep(100), "all");
        Apply(Put("t", 1), "t");
    }

    [Test]
    public void No_change_is_left_out() => Fuzz.Run("changed tables", 40, round =>
    {
        using var bed = new TableBed();
        var workload = new TableWorkload(round.Random);
        var schema = bed.Do(TableWorkload.Create).Schema!;
        for (var step = 0; step < 40; step++)
        {
            var after = new RowVersion(bed.Position - 1, int.MaxValue);
            var command = workload.Next(schema);
            var reply = bed.Apply(command);
            var changes = bed.Changes(new ReadChanges(TableWorkload.Table, 0, after, KeyBounds.All)).Changes.Count;
            if (changes > 0) FuzzRound.Check(bed.Changed.All || bed.Changed.Names.Contains(TableWorkload.Table), $"a {command.GetType().Name} changed {changes} rows unnoticed ({reply.Status})", TableCommandCodec.Encode(command));
            schema = bed.Describe(TableWorkload.Table).Schema;
            bed.Time += TimeSpan.FromSeconds(round.Random.Next(5));
        }
    });

    private static Transact Put(string table, long id) => new(TableOp.Put(table, Row.Of(("id", id))));

    private void Apply(TableCommand command, string changed)
    {
        _bed.Do(command);
        Assert.That(Show(), Is.EqualTo(changed));
    }

    private string Show() => _bed.Changed.All ? "all" : string.Join(' ', _bed.Changed.Names.Order(StringComparer.Ordinal));
}
