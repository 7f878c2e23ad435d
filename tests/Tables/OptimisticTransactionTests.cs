using Delos.Protocol.Tables;
using Delos.Tables;

namespace Delos.Tests.Tables;

/// <summary>Interactive transactions: they commit if what they read is still so, and only then.</summary>
public sealed class OptimisticTransactionTests
{
    private TableBed _bed = null!;

    [SetUp]
    public void Create()
    {
        _bed = new TableBed();
        _bed.Do(new CreateTable("t", [new("id", ColumnType.Int64), new("owner", ColumnType.String), new("v", ColumnType.Int64)], ["id"], [new("owner", ["owner"])], TableSettings.Default));
        _bed.Do(Put(1, "a", 10), Put(2, "b", 20), Put(5, "a", 50));
    }

    [TearDown]
    public void Dispose() => _bed.Dispose();

    [Test]
    public async Task A_row_that_was_read_must_be_as_it_was()
    {
        await Conflicts(t => Get(t, 1), TableOp.Update("t", [1], Row.Of(("v", 11))));
        await Conflicts(t => Get(t, 1), TableOp.Delete("t", [1]));
        await Conflicts(t => Get(t, 3), Put(3, "x", 1));
        await Commits(t => Get(t, 2), Put(9, "x", 1));
    }

    [Test]
    public void What_commands_in_front_of_it_in_its_entry_wrote_counts_too()
    {
        var schema = _bed.Describe("t").Schema;
        var snapshot = _bed.Query(new GetRows("t", [[1]])).Snapshot;
        var all = new KeyRange(0, StoreKeys.Prefix(schema.Id), KeyCodec.Successor(StoreKeys.Prefix(schema.Id)));
        var scanned = new ReadSet(snapshot, [new TableReads(schema.Id, schema.Generation, [], [all])]);
        Assert.That(Statuses(new Transact([Put(7, "x", 1)], scanned), new Transact([Put(8, "x", 1)], scanned), new Transact(Put(9, "x", 1))), Is.EqualTo(new[] { TableStatus.Ok, TableStatus.Conflict, TableStatus.Ok }), "the first one's row is in the range");
        Assert.That(_bed.Scan(new ScanRows("t")), Is.EqualTo("1 2 5 7 9"));
        TableConsistency.Check(_bed);

        TableStatus[] Statuses(params TableCommand[] commands) => [.. _bed.ApplyEntry(commands).Select(r => r.Status)];
    }

    [Test]
    public async Task A_row_written_again_with_the_same_values_is_another() => await Conflicts(t => Get(t, 2), Put(2, "b", 20));

    [Test]
    public async Task A_range_that_was_scanned_must_not_have_changed()
    {
        var range = new ScanRows("t", KeyBounds.Between([1], [4]));
        await Conflicts(t => Scan(t, range), Put(3, "x", 1));
        await Conflicts(t => Scan(t, range), TableOp.Delete("t", [2]));
        await Conflicts(t => Scan(t, range), Put(1, "a", 10));
        await Commits(t => Scan(t, range), Put(4, "x", 1));
        await Commits(t => Scan(t, range), TableOp.Delete("t", [5]));
    }

    [Test]
    public async Task A_range_of_an_index_notices_who_comes_goes_and_changes()
    {
        var range = new ScanRows("t", KeyBounds.StartingWith("a"), "owner");
        await Conflicts(t => Scan(t, range), TableOp.Update("t", [2], Row.Of(("owner", "a"))));
        await Conflicts(t => Scan(t, range), TableOp.Update("t", [1], Row.Of(("owner", "b"))));
        await Conflicts(t => Scan(t, range), TableOp.Update("t", [5], Row.Of(("v", 0))));
        await Conflicts(t => Scan(t, range), TableOp.Delete("t", [5]));
        await Commits(t => Scan(t, range), Put(2, "c", 1), TableOp.Delete("t", [2]));
    }

    [Test]
    public async Task Rows_beyond_the_page_that_was_read_may_change()
    {
        await Commits(t => Scan(t, new ScanRows("t") { Limit = 2 }), Put(4, "x", 1));
        await Conflicts(t => Scan(t, new ScanRows("t") { Limit = 2 }), Put(0, "x", 1));
        await Commits(t => Scan(t, new ScanRows("t") { Limit = 1, Reverse = true }), Put(4, "x", 1));
    }

    [Test]
    public async Task Rows_that_a_filter_left_out_count_as_read() =>
        await Conflicts(t => Scan(t, new ScanRows("t") { Filters = [new("v", PredicateOp.Greater, 1000)] }), TableOp.Update("t", [1], Row.Of(("v", 2000))));

    [Test]
    public async Task A_row_that_expires_meanwhile_is_a_conflict_before_it_is_removed_and_after()
    {
        foreach (var sweep in new[] { false, true })
        {
            _bed.Do(TableOp.Put("t", Row.Of(("id", 7), ("owner", "e"), ("v", 1)), Expiry.After(TimeSpan.FromSeconds(1))));
            var byKey = new OptimisticTransaction(_bed);
            await Get(byKey, 7);
            var byRange = new OptimisticTransaction(_bed);
            await Scan(byRange, new ScanRows("t", KeyBounds.StartingWith("e"), "owner"));
            _bed.Time += TimeSpan.FromSeconds(2);
            if (sweep) _bed.Settle();
            foreach (var transaction in new[] { byKey, byRange })
            {
                transaction.Add(Put(100, "new", 1));
                Assert.That((await transaction.CommitAsync(default)).Status, Is.EqualTo(TableStatus.Conflict));
            }
        }
    }

    [Test]
    public async Task A_schema_that_changed_is_a_conflict()
    {
        var transaction = new OptimisticTransaction(_bed);
        await Get(transaction, 1);
        transaction.Add(Put(100, "new", 1));
        _bed.Do(new CreateIndex("t", new("v", ["v"])));
        Assert.That((await transaction.CommitAsync(default)).Status, Is.EqualTo(TableStatus.Conflict));
    }

    [Test]
    public async Task A_snapshot_older_than_what_is_kept_is_refused_as_expired_for_ranges_only()
    {
        _bed.Do(new AlterTable("t", [], [], new TableSettings(RetainedChanges: 5)));
        var (byKey, byRange) = (new OptimisticTransaction(_bed), new OptimisticTransaction(_bed));
        await Get(byKey, 1);
        await Scan(byRange, new ScanRows("t", KeyBounds.Between([1], [4])));
        for (var i = 0; i < 20; i++) _bed.Do(Put(50, "x", i));
        byKey.Add(Put(100, "new", 1));
        byRange.Add(Put(100, "new", 1));
        Assert.That((await byRange.CommitAsync(default)).Status, Is.EqualTo(TableStatus.SnapshotExpired));
        Assert.That((await byKey.CommitAsync(default)).Status, Is.EqualTo(TableStatus.Ok));
    }

    [Test]
    public void Read_sets_that_make_no_sense_are_refused()
    {
        var (schema, snapshot) = (_bed.Describe("t").Schema, _bed.Query(new GetRows("t", [])).Snapshot);
        Transact Reading(SnapshotId at, params ReadKey[] keys) => new([], new ReadSet(at, [new TableReads(schema.Id, schema.Generation, keys, [])]));
        _bed.Refused(TableStatus.InvalidArgument, Reading(new SnapshotId(new RowVersion(long.MaxValue, 0), 0)));
        _bed.Refused(TableStatus.InvalidArgument, Reading(new SnapshotId(snapshot.Version, long.MaxValue)));
        _bed.Refused(TableStatus.InvalidArgument, Reading(snapshot, new ReadKey([1, 2], RowVersion.None)));
        _bed.Refused(TableStatus.TypeMismatch, Reading(snapshot, new ReadKey(["1"], RowVersion.None)));
        _bed.Refused(TableStatus.TooLarge, Reading(snapshot, [.. Enumerable.Repeat(new ReadKey([1], RowVersion.None), TableLimits.ReadKeys + 1)]));
        var ranges = Enumerable.Repeat(new KeyRange(0, [], []), TableLimits.ReadRanges + 1).ToArray();
        _bed.Refused(TableStatus.TooLarge, new Transact([], new ReadSet(snapshot, [new TableReads(schema.Id, schema.Generation, [], ranges)])));
        _bed.Refused(TableStatus.Conflict, new Transact([], new ReadSet(snapshot, [new TableReads(999, 1, [], [])])));
    }

    [Test]
    public async Task The_helper_runs_a_transaction_again_until_it_commits()
    {
        var attempts = 0;
        var waits = new List<int>();
        var result = await OptimisticTransaction.RunAsync(
            _bed,
            async (transaction, cancel) =>
            {
                var v = (await transaction.GetAsync("t", [1], cancel))!["v"].AsInt64();
                if (++attempts < 3) _bed.Do(TableOp.Update("t", [1], Row.Of(("v", v + 100))));
                transaction.Add(TableOp.Update("t", [1], Row.Of(("v", v + 1))));
                return v;
            },
            attempts: 5,
            (n, _) =>
            {
                waits.Add(n);
                return ValueTask.CompletedTask;
            },
            default);
        Assert.That((attempts, result, _bed.Get("t", 1)!["v"].AsInt64(), string.Join(' ', waits)), Is.EqualTo((3, 210L, 211L, "1 2")));
    }

    [Test]
    public async Task The_helper_reads_all_of_an_attempt_at_one_snapshot()
    {
        var attempts = 0;
        await OptimisticTransaction.RunAsync<long>(
            _bed,
            async (transaction, cancel) =>
            {
                await transaction.GetAsync("t", [1], cancel);
                if (++attempts == 1) _bed.Do(Put(2, "b", 99));

                // The bed holds no old snapshots: the second read of the first attempt is refused, and the attempt starts over.
                return (await transaction.GetAsync("t", [2], cancel))!["v"].AsInt64();
            },
            attempts: 2,
            null,
            default);
        Assert.That(attempts, Is.EqualTo(2));
    }

    [Test]
    public async Task The_helper_gives_up_when_the_attempts_are_used_up_or_it_is_of_no_use()
    {
        ValueTask<int> Body(OptimisticTransaction transaction, TableOp op, Action meanwhile)
        {
            transaction.GetAsync("t", [1], default).AsTask().Wait();
            meanwhile();
            transaction.Add(op);
            return ValueTask.FromResult(0);
        }

        var attempts = 0;
        var conflict = await Assert.ThrowsAsync<TableException>(async () => await OptimisticTransaction.RunAsync(_bed, (t, _) => Body(t, Put(9, "x", 1), () => _bed.Do(Put(1, "a", ++attempts))), 3, null, default));
        Assert.That((conflict!.Status, attempts), Is.EqualTo((TableStatus.Conflict, 3)));
        var runs = 0;
        var exists = await Assert.ThrowsAsync<TableException>(async () => await OptimisticTransaction.RunAsync(_bed, (t, _) => Body(t, TableOp.Insert("t", Row.Of(("id", 1), ("owner", "a"), ("v", 1))), () => runs++), 3, null, default));
        Assert.That((exists!.Status, runs), Is.EqualTo((TableStatus.RowExists, 1)));
    }

    [Test]
    public async Task Pages_that_follow_each_other_are_one_range()
    {
        foreach (var reverse in new[] { false, true })
        {
            var transaction = new OptimisticTransaction(_bed);
            var scan = new ScanRows("t") { Limit = 1, Reverse = reverse };
            for (var more = true; more;)
            {
                var page = await transaction.ScanAsync(scan, default);
                scan = scan with { Token = page.Token };
                more = page.Token.Length > 0;
            }

            var ranges = transaction.ToCommand().Reads!.Tables[0].Ranges;
            Assert.That(ranges, Has.Count.EqualTo(1));
            var whole = _bed.Rows(new ScanRows("t")).Range!;
            Assert.That((ranges[0].From, ranges[0].To), Is.EqualTo((whole.From, whole.To)));
        }
    }

    private static TableOp Put(long id, string owner, long v) => TableOp.Put("t", Row.Of(("id", id), ("owner", owner), ("v", v)));

    private static async ValueTask Get(OptimisticTransaction transaction, long id) => await transaction.GetAsync("t", [id], default);

    private static async ValueTask Scan(OptimisticTransaction transaction, ScanRows scan) => await transaction.ScanAsync(scan, default);

    private Task Conflicts(Func<OptimisticTransaction, ValueTask> read, params TableOp[] meanwhile) => Ends(TableStatus.Conflict, read, meanwhile);

    private Task Commits(Func<OptimisticTransaction, ValueTask> read, params TableOp[] meanwhile) => Ends(TableStatus.Ok, read, meanwhile);

    private async Task Ends(TableStatus status, Func<OptimisticTransaction, ValueTask> read, TableOp[] meanwhile)
    {
        _bed.Dispose();
        Create();
        var transaction = new OptimisticTransaction(_bed);
        await read(transaction);
        _bed.Do(meanwhile);
        transaction.Add(Put(100, "new", 1));
        var reply = await transaction.CommitAsync(default);
        Assert.That(reply.Status, Is.EqualTo(status), reply.Message);
        Assert.That(_bed.Get("t", 100) is not null, Is.EqualTo(status == TableStatus.Ok));
    }
}
