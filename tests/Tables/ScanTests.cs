using Delos.Protocol.Tables;
using Delos.Tables;

namespace Delos.Tests.Tables;

/// <summary>Reading: single rows, ranges of the primary key and of indexes, pages.</summary>
public sealed class ScanTests
{
    private TableBed _bed = null!;

    [SetUp]
    public void Create()
    {
        _bed = new TableBed();
        _bed.Do(new CreateTable(
            "t",
            [new("group", ColumnType.String), new("id", ColumnType.Int64), new("color", ColumnType.String, true), new("size", ColumnType.Int64, true)],
            ["group", "id"],
            [new("by_color", ["color"]), new("by_color_and_size", ["color", "size"])],
            TableSettings.Default));
        (string, int, string?, int)[] rows = [("a", 1, "red", 5), ("a", 2, "green", 3), ("a", 10, "red", 1), ("ab", -3, null, 2), ("b", 1, "blue", 9), ("b", 2, "red", 3)];
        foreach (var (group, id, color, size) in rows) _bed.Do(TableOp.Put("t", Row.Of(("group", group), ("id", id), ("color", color is null ? CellValue.Null : color), ("size", size))));
    }

    [TearDown]
    public void Dispose() => _bed.Dispose();

    [Test]
    public void A_scan_is_in_the_order_of_the_primary_key() => Assert.That(Scan(KeyBounds.All), Is.EqualTo("1 2 10 -3 1 2"));

    [Test]
    public void A_reverse_scan_is_in_the_opposite_order() => Assert.That(_bed.Scan(new ScanRows("t") { Reverse = true }), Is.EqualTo("2 1 -3 10 2 1"));

    [Test]
    public void Bounds_include_or_exclude_what_begins_with_them()
    {
        Assert.That(Scan(new KeyBounds(new KeyBound(["a", 2], true))), Is.EqualTo("2 10 -3 1 2"));
        Assert.That(Scan(new KeyBounds(new KeyBound(["a", 2], false))), Is.EqualTo("10 -3 1 2"));
        Assert.That(Scan(new KeyBounds(new KeyBound(["a"], false))), Is.EqualTo("-3 1 2"));
        Assert.That(Scan(new KeyBounds(null, new KeyBound(["a"], true))), Is.EqualTo("1 2 10"));
        Assert.That(Scan(new KeyBounds(null, new KeyBound(["ab"], false))), Is.EqualTo("1 2 10"));
        Assert.That(Scan(KeyBounds.Between(["a", 2], ["b", 1])), Is.EqualTo("2 10 -3"));
        Assert.That(Scan(KeyBounds.Between(["b"], ["a"])), Is.Empty);
    }

    [Test]
    public void A_prefix_is_whole_values_and_perhaps_the_beginning_of_the_next()
    {
        Assert.That(Scan(KeyBounds.StartingWith("a")), Is.EqualTo("1 2 10"));
        Assert.That(Scan(KeyBounds.StartingWith("a", 10)), Is.EqualTo("10"));
        Assert.That(Scan(new KeyBounds(Prefix: new KeyPrefix([], "a"))), Is.EqualTo("1 2 10 -3"));
        Assert.That(Scan(new KeyBounds(new KeyBound(["a", 2], true), new KeyBound(["a", 10], false), new KeyPrefix(["a"]))), Is.EqualTo("2"));
    }

    [Test]
    public void An_index_is_scanned_in_its_own_order_nulls_first_then_by_primary_key()
    {
        Assert.That(_bed.Scan(new ScanRows("t", index: "by_color")), Is.EqualTo("-3 1 2 1 10 2"));
        Assert.That(_bed.Scan(new ScanRows("t", KeyBounds.StartingWith("red"), "by_color")), Is.EqualTo("1 10 2"));
        Assert.That(_bed.Scan(new ScanRows("t", KeyBounds.StartingWith("red"), "by_color_and_size"), "size"), Is.EqualTo("1 3 5"));
        Assert.That(_bed.Scan(new ScanRows("t", KeyBounds.StartingWith(CellValue.Null), "by_color")), Is.EqualTo("-3"));
        Assert.That(_bed.Scan(new ScanRows("t", new KeyBounds(Prefix: new KeyPrefix([], "r")), "by_color") { Reverse = true }), Is.EqualTo("2 10 1"));
        Assert.That(_bed.Scan(new ScanRows("t", KeyBounds.StartingWith("red", 3, "b", 2), "by_color_and_size")), Is.EqualTo("2"), "the primary key is part of an entry");
    }

    [Test]
    public void An_index_follows_every_change_of_its_rows()
    {
        _bed.Do(TableOp.Update("t", ["a", 1], Row.Of(("color", "blue"))), TableOp.Delete("t", ["a", 10]), TableOp.Update("t", ["ab", -3], Row.Of(("color", "red"))));
        Assert.That(_bed.Scan(new ScanRows("t", KeyBounds.StartingWith("red"), "by_color")), Is.EqualTo("-3 2"));
        Assert.That(_bed.Scan(new ScanRows("t", KeyBounds.StartingWith("blue"), "by_color")), Is.EqualTo("1 1"));
    }

    [Test]
    public void Filters_and_projection_cut_rows_and_columns()
    {
        var rows = _bed.Rows(new ScanRows("t") { Columns = ["size", "id"], Filters = [new("size", PredicateOp.GreaterOrEqual, 3), new("color", PredicateOp.Equal, "red")] });
        Assert.That(rows.Columns, Is.EqualTo(new[] { "size", "id" }));
        Assert.That(rows.Rows.Select(r => string.Join(',', r!.Values)), Is.EqualTo(new[] { "5,1", "3,2" }));
        Assert.That(_bed.Scan(new ScanRows("t") { Filters = [new("color", PredicateOp.IsNull)] }), Is.EqualTo("-3"));
    }

    [Test]
    public void Several_rows_are_read_by_key_in_the_order_asked_for()
    {
        var rows = _bed.Rows(new GetRows("t", [["b", 2], ["x", 1], ["a", 1]], ["size"]));
        Assert.That(rows.Rows.Select(r => r?.Values[0].ToString()), Is.EqualTo(new[] { "3", null, "5" }));
    }

    [TestCase(null, false)]
    [TestCase(null, true)]
    [TestCase("by_color", false)]
    [TestCase("by_color_and_size", true)]
    public void Pages_of_a_snapshot_are_what_one_page_would_be(string? index, bool reverse)
    {
        var whole = _bed.Scan(new ScanRows("t", index: index) { Reverse = reverse });
        for (var limit = 1; limit <= 7; limit++)
        {
            using var snapshot = _bed.Store.Snapshot();
            var (scan, ids) = (new ScanRows("t", index: index) { Reverse = reverse, Limit = limit }, new List<string>());
            for (var page = 0; page == 0 || scan.Token is not null; page++)
            {
                Assert.That(page, Is.LessThan(10));

                // Meanwhile the world goes on.
                _bed.Do(TableOp.Put("t", Row.Of(("group", "a"), ("id", 1000 + page), ("color", "red"))), TableOp.Delete("t", ["a", 2]));
                var rows = (RowsResult)_bed.Query(snapshot, scan).Result!;
                ids.AddRange(Enumerable.Range(0, rows.Rows.Count).Select(i => rows[i]["id"].ToString()));
                scan = scan with { Token = rows.Token.Length > 0 ? rows.Token : null };
            }

            Assert.That(string.Join(' ', ids), Is.EqualTo(whole));
            _bed.Dispose();
            Create();
        }
    }

    [Test]
    public void The_bytes_of_a_page_are_limited_but_there_is_always_a_row()
    {
        var rows = _bed.Rows(new ScanRows("t") { MaxBytes = 1 });
        Assert.That((rows.Rows.Count, rows.Token.Length > 0), Is.EqualTo((1, true)));
    }

    [Test]
    public void A_page_whose_snapshot_is_not_held_any_more_is_refused_as_expired()
    {
        var token = _bed.Rows(new ScanRows("t") { Limit = 2 }).Token;
        Assert.That(PageToken.Decode(token)!.Snapshot, Is.EqualTo(TableQueries.SnapshotOf(new ScanRows("t") { Token = token })));
        Assert.That(_bed.Rows(new ScanRows("t") { Limit = 2, Token = token }).Rows, Has.Count.EqualTo(2));
        _bed.Do(TableOp.Delete("t", ["nobody", 0]));
        Refused(TableStatus.SnapshotExpired, new ScanRows("t") { Limit = 2, Token = token });
    }

    [Test]
    public void A_token_that_is_damaged_or_of_another_query_is_refused()
    {
        var scan = new ScanRows("t") { Limit = 2 };
        var token = _bed.Rows(scan).Token;
        for (var i = 0; i < token.Length; i++)
        {
            byte[] damaged = [.. token];
            damaged[i] ^= 4;
            Refused(TableStatus.Malformed, scan with { Token = damaged });
        }

        Refused(TableStatus.Malformed, scan with { Token = [] });
        Refused(TableStatus.Malformed, scan with { Token = token, Reverse = true });
        Refused(TableStatus.Malformed, scan with { Token = token, Index = "by_color" });
        Refused(TableStatus.Malformed, scan with { Token = token, Columns = ["id"] });
        Refused(TableStatus.Malformed, scan with { Token = token, Bounds = KeyBounds.StartingWith("b") });
        Refused(TableStatus.InvalidArgument, scan with { Token = token, Snapshot = SnapshotId.Empty });
        Assert.That(_bed.Query(scan with { Token = token, Limit = 3 }).IsOk, "pages may differ in size");
    }

    [Test]
    public void A_query_of_another_snapshot_than_this_is_refused()
    {
        var snapshot = _bed.Query(new GetRows("t", [])).Snapshot;
        Assert.That(_bed.Query(new GetRows("t", [["a", 1]], null, snapshot)).IsOk);
        _bed.Do(TableOp.Delete("t", ["a", 1]));
        Refused(TableStatus.SnapshotExpired, new GetRows("t", [["a", 1]], null, snapshot));
    }

    [Test]
    public void Queries_that_make_no_sense_are_refused()
    {
        Refused(TableStatus.UnknownIndex, new ScanRows("t", index: "x"));
        Refused(TableStatus.UnknownColumn, new ScanRows("t") { Columns = ["x"] });
        Refused(TableStatus.UnknownColumn, new ScanRows("t") { Filters = [new("x", PredicateOp.IsNull)] });
        Refused(TableStatus.TypeMismatch, new ScanRows("t") { Filters = [new("size", PredicateOp.Equal, "5")] });
        Refused(TableStatus.InvalidArgument, new ScanRows("t") { Limit = -1 });
        Refused(TableStatus.InvalidArgument, new ScanRows("t", KeyBounds.From("a", 1, 2)));
        Refused(TableStatus.InvalidArgument, new ScanRows("t", new KeyBounds(new KeyBound([], true))));
        Refused(TableStatus.InvalidArgument, new ScanRows("t", new KeyBounds(Prefix: new KeyPrefix(["a", 1], "x"))));
        Refused(TableStatus.TypeMismatch, new ScanRows("t", KeyBounds.From(1)));
        Refused(TableStatus.TypeMismatch, new ScanRows("t", new KeyBounds(Prefix: new KeyPrefix(["a"], 1))));
        Refused(TableStatus.TypeMismatch, new ScanRows("t", new KeyBounds(Prefix: new KeyPrefix([], new byte[1]))));
        Refused(TableStatus.TooLarge, new ScanRows("t") { Filters = [.. Enumerable.Repeat(new ColumnPredicate("size", PredicateOp.IsNull), TableLimits.Predicates + 1)] });
        Refused(TableStatus.InvalidArgument, new GetRows("t", [["a"]]));
        Refused(TableStatus.UnknownColumn, new GetRows("t", [["a", 1]], ["x"]));
        Refused(TableStatus.TooLarge, new GetRows("t", [.. Enumerable.Repeat<CellValue[]>(["a", 1], TableLimits.ReadKeys + 1)]));
        Assert.That(QueryReplyCodec.Decode(_bed.Queries.Execute(_bed.Store.Snapshot(), [1, 2, 3]))!.Status, Is.EqualTo(TableStatus.Malformed));
    }

    private string Scan(KeyBounds bounds) => _bed.Scan(new ScanRows("t", bounds));

    private void Refused(TableStatus status, TableQuery query)
    {
        var reply = _bed.Query(query);
        Assert.That(reply.Status, Is.EqualTo(status), reply.Message);
        Assert.That((reply.Message.Length > 0, reply.Result), Is.EqualTo((true, (QueryResult?)null)));
    }
}
