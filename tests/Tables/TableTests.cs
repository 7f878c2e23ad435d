using Delos.Protocol.Tables;

namespace Delos.Tests.Tables;

/// <summary>Creating, altering and dropping tables.</summary>
public sealed class TableTests
{
    private TableBed _bed = null!;

    [SetUp]
    public void Create() => _bed = new TableBed();

    [TearDown]
    public void Dispose() => _bed.Dispose();

    [Test]
    public void A_created_table_is_described_as_it_was_created()
    {
        var reply = _bed.Do(Orders());
        var schema = _bed.Describe("orders").Schema;
        Assert.That(SchemaCodec.Encode(schema), Is.EqualTo(SchemaCodec.Encode(reply.Schema!)));
        Assert.That(schema.Columns.Select(c => (c.Id, c.Name, c.Type)), Is.EqualTo(new[] { ((ushort)1, "id", ColumnType.Int64), ((ushort)2, "customer", ColumnType.String), ((ushort)3, "total", ColumnType.Int64) }));
        Assert.That((schema.Generation, schema.PrimaryKey, schema.Indexes[0].State), Is.EqualTo((1u, new ushort[] { 1 }, IndexState.Ready)));
    }

    [Test]
    public void Every_type_of_column_keeps_its_values()
    {
        _bed.Do(new CreateTable("all", [new("i", ColumnType.Int64), new("d", ColumnType.Double), new("s", ColumnType.String), new("b", ColumnType.Bytes), new("f", ColumnType.Bool), new("t", ColumnType.Timestamp), new("n", ColumnType.Double, true)], "d", "s", "b", "f", "t", "i"));
        var row = Row.Of(("i", -5), ("d", -0.0), ("s", "x\0y"), ("b", new byte[] { 0, 255 }), ("f", true), ("t", CellValue.Timestamp(-7)), ("n", double.NaN));
        _bed.Do(TableOp.Put("all", row));
        Assert.That(_bed.Get("all", -0.0, "x\0y", new byte[] { 0, 255 }, true, CellValue.Timestamp(-7), -5), Is.EqualTo(row));
    }

    [Test]
    public void A_table_that_exists_is_not_created_again()
    {
        _bed.Do(Orders());
        _bed.Refused(TableStatus.TableExists, Orders(), "orders");
    }

    [TestCase("")]
    [TestCase("1st")]
    [TestCase("with space")]
    [TestCase("ünicode")]
    [TestCase("this-name-is-much-too-long-for-a-table-because-it-has-over-sixty-four-letters")]
    public void A_bad_name_is_refused(string name) => _bed.Refused(TableStatus.InvalidArgument, new CreateTable(name, [new("id", ColumnType.Int64)], "id"), "name");

    [Test]
    public void The_commands_of_an_entry_see_what_those_before_them_did_to_schemas_and_counters()
    {
        var create = new CreateTable("q", [new("id", ColumnType.Int64)], ["id"], [], new TableSettings(MaxRows: 2));
        var replies = _bed.ApplyEntry(
            create, Put("q", 1), Put("q", 2), Put("q", 3), Put("nowhere", 1), new Transact(TableOp.Delete("q", [1])), Put("q", 3),
            new AlterTable("q", [new("v", ColumnType.Int64, true)], [], new TableSettings(MaxRows: 1)), Put("q", 4), new CreateIndex("q", new("v", ["v"])), Put("q", 3),
            new DropTable("q"), Put("q", 1), create, Put("q", 1));
        Assert.That(replies.Select(r => r.Status), Is.EqualTo(new[]
        {
            TableStatus.Ok, TableStatus.Ok, TableStatus.Ok, TableStatus.QuotaExceeded, TableStatus.UnknownTable, TableStatus.Ok, TableStatus.Ok,
            TableStatus.Ok, TableStatus.QuotaExceeded, TableStatus.Ok, TableStatus.Ok,
            TableStatus.Ok, TableStatus.UnknownTable, TableStatus.Ok, TableStatus.Ok,
        }));
        Assert.That(replies[9].More, Is.True, "there were rows to index");
        _bed.Settle();
        Assert.That(_bed.Scan(new ScanRows("q")), Is.EqualTo("1"));
        TableConsistency.Check(_bed);
    }

    [Test]
    public void Commands_of_an_entry_go_to_as_many_tables_as_they_like()
    {
        const int tables = 70;
        for (var i = 0; i < tables; i++) _bed.Do(new CreateTable($"t{i}", [new("id", ColumnType.Int64)], "id"));
        _bed.ApplyEntry([.. Enumerable.Range(0, 3 * tables).Select(i => Put($"t{i % tables}", i / tables))]);
        Assert.That(_bed.Scan(new ScanRows("t1")), Is.EqualTo("0 1 2"));
        TableConsistency.Check(_bed);
    }

    [Test]
    public void A_table_that_makes_no_sense_is_refused()
    {
        ColumnDefinition id = new("id", ColumnType.Int64);
        _bed.Refused(TableStatus.InvalidArgument, new CreateTable("t", [], "id"), "columns");
        _bed.Refused(TableStatus.InvalidArgument, new CreateTable("t", [id]), "primary key");
        _bed.Refused(TableStatus.UnknownColumn, new CreateTable("t", [id], "ID"), "ID");
        _bed.Refused(TableStatus.InvalidArgument, new CreateTable("t", [id], "id", "id"), "twice");
        _bed.Refused(TableStatus.ColumnExists, new CreateTable("t", [id, id], "id"), "id");
        _bed.Refused(TableStatus.InvalidArgument, new CreateTable("t", [new("id", ColumnType.Int64, Nullable: true)], "id"), "nullable");
        _bed.Refused(TableStatus.UnknownColumn, new CreateTable("t", [id], ["id"], [new("x", ["nothing"])], TableSettings.Default), "nothing");
        _bed.Refused(TableStatus.IndexExists, new CreateTable("t", [id], ["id"], [new("x", ["id"]), new("x", ["id"])], TableSettings.Default), "x");
        _bed.Refused(TableStatus.InvalidArgument, new CreateTable("t", [id], ["id"], [], new TableSettings(MaxRows: -1)), "negative");
        _bed.Refused(TableStatus.InvalidArgument, new CreateTable("t", [.. Enumerable.Range(0, TableLimits.Columns + 1).Select(i => new ColumnDefinition($"c{i}", ColumnType.Bool))], "c1"), "columns");
        _bed.Refused(TableStatus.TooLarge, new CreateTable("t", [id, new("d", ColumnType.String, false, new string('x', TableLimits.DefaultBytes + 1))], "id"), "default");
    }

    [Test]
    public void A_dropped_table_is_gone_at_once_and_its_bytes_after_the_sweeps()
    {
        var empty = _bed.Contents(withClock: false);
        _bed.Do(Orders());
        for (var i = 0; i < 50; i++) _bed.Do(TableOp.Put("orders", Row.Of(("id", i), ("customer", "c"), ("total", i)), Expiry.After(TimeSpan.FromDays(1))));
        _bed.Do(new DropTable("orders"));
        Assert.That(_bed.Query(new GetRows("orders", [[1]])).Status, Is.EqualTo(TableStatus.UnknownTable));
        Assert.That(_bed.Apply(new Sweep(10)).More, Is.True);
        _bed.Settle(7);
        var left = _bed.Contents(withClock: false).Split('\n').Except(empty.Split('\n')).ToArray();
        Assert.That(left, Has.Length.EqualTo(1), "only the counter of ids stays");
    }

    [Test]
    public void A_table_of_the_same_name_as_a_dropped_one_is_empty()
    {
        _bed.Do(Orders());
        _bed.Do(TableOp.Put("orders", Row.Of(("id", 1), ("customer", "c"), ("total", 1))));
        _bed.Do(new DropTable("orders"));
        _bed.Do(Orders());
        Assert.That(_bed.Get("orders", 1), Is.Null);
        _bed.Do(TableOp.Put("orders", Row.Of(("id", 2), ("customer", "c"), ("total", 1))));
        _bed.Settle();
        Assert.That(_bed.Scan(new ScanRows("orders", index: "by_customer")), Is.EqualTo("2"));
        Assert.That(_bed.Describe("orders").Rows, Is.EqualTo(1));
    }

    [Test]
    public void An_unknown_table_is_not_dropped_altered_or_written()
    {
        _bed.Refused(TableStatus.UnknownTable, new DropTable("nothing"), "nothing");
        _bed.Refused(TableStatus.UnknownTable, new AlterTable("nothing", [], [], null));
        _bed.Refused(TableStatus.UnknownTable, new CreateIndex("nothing", new("i", ["a"])));
        _bed.Refused(TableStatus.UnknownTable, new DropIndex("nothing", "i"));
        _bed.Refused(TableStatus.UnknownTable, TableOp.Put("nothing", Row.Of(("id", 1))));
        Assert.That(_bed.Query(new ScanRows("nothing")).Status, Is.EqualTo(TableStatus.UnknownTable));
        Assert.That(_bed.Query(new DescribeTables("nothing")).Status, Is.EqualTo(TableStatus.UnknownTable));
        Assert.That(_bed.Query(new ReadChanges("nothing", 0, RowVersion.None, KeyBounds.All)).Status, Is.EqualTo(TableStatus.UnknownTable));
    }

    [Test]
    public void An_added_column_has_its_default_in_rows_that_were_there()
    {
        _bed.Do(Orders());
        _bed.Do(TableOp.Put("orders", Row.Of(("id", 1), ("customer", "c"), ("total", 1))));
        _bed.Do(new AlterTable("orders", [new("state", ColumnType.String, false, "new"), new("note", ColumnType.String, true)], [], null));
        Assert.That(_bed.Get("orders", 1), Is.EqualTo(Row.Of(("id", 1), ("customer", "c"), ("total", 1), ("state", "new"), ("note", CellValue.Null))));
        _bed.Do(TableOp.Update("orders", [1], Row.Of(("note", "n"))));
        Assert.That(_bed.Get("orders", 1)!["state"], Is.EqualTo((CellValue)"new"));
    }

    [Test]
    public void A_column_added_under_the_name_of_a_dropped_one_does_not_show_its_values()
    {
        _bed.Do(Orders());
        _bed.Do(TableOp.Put("orders", Row.Of(("id", 1), ("customer", "c"), ("total", 77))));
        _bed.Do(new AlterTable("orders", [new("total", ColumnType.Int64, true)], ["total"], null));
        Assert.That(_bed.Get("orders", 1)!["total"].IsNull);
        _bed.Refused(TableStatus.UnknownColumn, TableOp.Put("orders", Row.Of(("id", 1), ("customer", "c"), ("sum", 1))));
    }

    [Test]
    public void Columns_are_not_added_or_dropped_where_that_cannot_be()
    {
        _bed.Do(Orders());
        _bed.Refused(TableStatus.ColumnExists, new AlterTable("orders", [new("total", ColumnType.Int64, true)], [], null));
        _bed.Refused(TableStatus.InvalidArgument, new AlterTable("orders", [new("x", ColumnType.Int64)], [], null), "default");
        _bed.Refused(TableStatus.UnknownColumn, new AlterTable("orders", [], ["x"], null));
        _bed.Refused(TableStatus.ColumnInUse, new AlterTable("orders", [], ["id"], null), "primary key");
        _bed.Refused(TableStatus.ColumnInUse, new AlterTable("orders", [], ["customer"], null), "by_customer");
        _bed.Refused(TableStatus.InvalidArgument, new AlterTable("orders", [], [], new TableSettings(MaxRowBytes: -1)));
        _bed.Refused(TableStatus.InvalidArgument, new AlterTable("orders", [new("a b", ColumnType.Int64, true)], [], null), "name");
    }

    [Test]
    public void All_tables_are_listed()
    {
        foreach (var name in new[] { "z", "a", "m" }) _bed.Do(new CreateTable(name, [new("id", ColumnType.Int64)], "id"));
        Assert.That(((TablesResult)_bed.Query(new DescribeTables()).Result!).Tables.Select(t => t.Schema.Name), Is.EqualTo(new[] { "z", "a", "m" }));
    }

    [Test]
    public void There_are_no_more_tables_than_the_limit()
    {
        for (var i = 0; i < TableLimits.Tables; i++) _bed.Apply(new CreateTable($"t{i}", [new("id", ColumnType.Int64)], "id"));
        Assert.That(_bed.Apply(new CreateTable("more", [new("id", ColumnType.Int64)], "id")).Status, Is.EqualTo(TableStatus.TooLarge));
        _bed.Do(new DropTable("t5"));
        _bed.Do(new CreateTable("more", [new("id", ColumnType.Int64)], "id"));
    }

    [Test]
    public void Commands_that_are_none_are_answered()
    {
        Assert.That(_bed.ApplyBytes([9, 9])[0].Status, Is.EqualTo(TableStatus.UnsupportedCommand));
        Assert.That(_bed.ApplyBytes([1, 6, 1])[0].Status, Is.EqualTo(TableStatus.Malformed));
        Assert.That(_bed.ApplyBytes(new byte[TableLimits.CommandBytes + 1])[0].Status, Is.EqualTo(TableStatus.TooLarge));
    }

    private static Transact Put(string table, int id) => new(TableOp.Put(table, Row.Of(("id", id))));

    private static CreateTable Orders() => new("orders", [new("id", ColumnType.Int64), new("customer", ColumnType.String), new("total", ColumnType.Int64)], ["id"], [new("by_customer", ["customer"])], TableSettings.Default);
}
