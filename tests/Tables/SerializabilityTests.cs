using Delos.Protocol.Tables;
using Delos.Runtime;
using Delos.Tests.Fuzzing;

namespace Delos.Tests.Tables;

/// <summary>
/// Random optimistic transactions, many at a time, each at a snapshot of its own: those that committed must have read what they would have read one after the other, in the order of their positions.
/// </summary>
public sealed class SerializabilityTests
{
    [Test]
    public void Transactions_that_commit_are_as_if_run_one_after_the_other() => Fuzz.Run("serializability", 400, round => Run(round.Random, t => t.ToCommand()));

    [Test]
    public void Transactions_without_their_read_sets_are_caught() => Fuzz.MustFail(200, "read", round => Run(round.Random, t => t.ToCommand() with { Reads = null }));

    [Test]
    public void Transactions_without_their_ranges_are_caught() => Fuzz.MustFail(400, "read", round => Run(round.Random, t => WithTables(t, r => r with { Ranges = [] })));

    [Test]
    public void Transactions_without_their_keys_are_caught() => Fuzz.MustFail(400, "read", round => Run(round.Random, t => WithTables(t, r => r with { Keys = [] })));

    private static Transact WithTables(OptimisticTransaction transaction, Func<TableReads, TableReads> change)
    {
        var command = transaction.ToCommand();
        return command.Reads is { } reads ? command with { Reads = reads with { Tables = [.. reads.Tables.Select(change)] } } : command;
    }

    private static void Run(FuzzRandom random, Func<OptimisticTransaction, Transact> toCommand)
    {
        using var bed = new TableBed();
        using var serial = new TableBed();
        var create = new CreateTable("t", [new("id", ColumnType.Int64), new("g", ColumnType.Int64), new("v", ColumnType.Int64)], ["id"], [new("g", ["g"])], TableSettings.Default);
        bed.Do(create);
        serial.Do(create);
        var open = new List<Attempt>();
        var committed = 0;
        for (var step = 0; step < 80; step++)
        {
            if (random.OneIn(8)) bed.Time += TimeSpan.FromSeconds(random.Between(1, 4));
            if (random.OneIn(20)) bed.Apply(new Sweep(2));
            if (open.Count < 4 && random.OneIn(2))
            {
                open.Add(new Attempt(bed, random));
                continue;
            }

            if (open.Count == 0) continue;
            var attempt = random.Pick(open);
            open.Remove(attempt);
            if (!bed.Apply(toCommand(attempt.Transaction)).IsOk) continue;
            committed++;

            // Alone, on a replica where nothing but what committed ever happened.
            serial.Time = bed.Time;
            serial.Do(new Transact());
            var again = attempt.ReadAgain(serial);
            if (again != attempt.Seen) throw new FuzzFailure($"step {step}: a transaction that committed had read\n{attempt.Seen}\nalone it would have read\n{again}", "");
            serial.Do(attempt.Transaction.ToCommand() with { Reads = null });
        }

        serial.Time = bed.Time;
        serial.Do(new Transact());
        bed.Do(new Transact());
        var state = new ScanRows("t");
        if (Attempt.Show(serial, state) != Attempt.Show(bed, state)) throw new FuzzFailure("the rows differ from those read and written one after the other", "");
        if (committed == 0) throw new FuzzFailure("nothing committed", "");
    }

    /// <summary>Reads some rows and ranges at its snapshot, and writes rows whose values depend on them.</summary>
    private sealed class Attempt
    {
        private readonly List<TableQuery> _queries = [];

        public Attempt(TableBed bed, FuzzRandom random)
        {
            using var snapshot = bed.Store.Snapshot();
            Transaction = new OptimisticTransaction(new SnapshotEndpoint(bed, snapshot));
            for (var i = random.Between(1, 3); i > 0; i--)
            {
                if (random.OneIn(2))
                {
                    CellValue[] key = [random.Next(6)];
                    _queries.Add(new GetRows("t", [key]));
                    Transaction.GetAsync("t", key, default).AsTask().Wait();
                    continue;
                }

                var from = random.Next(4);
                var index = random.OneIn(2) ? "g" : null;
                var scan = new ScanRows("t", KeyBounds.Between([from], [from + random.Between(1, 3)]), index) { Reverse = random.OneIn(2), Limit = random.Between(1, 3) };
                _queries.Add(scan);
                Transaction.ScanAsync(scan, default).AsTask().Wait();
            }

            Seen = string.Join('\n', _queries.Select(q => Show(bed, q, snapshot)));
            var sum = Seen.Sum(c => (long)c) % 1000;
            for (var i = random.Between(1, 2); i > 0; i--)
            {
                var id = random.Next(6);
                Transaction.Add(random.OneIn(4)
                    ? TableOp.Delete("t", [id])
                    : TableOp.Put("t", Row.Of(("id", id), ("g", random.Next(5)), ("v", sum + i)), random.OneIn(4) ? Expiry.At(bed.Time.AddSeconds(random.Between(1, 6))) : default));
            }
        }

        public OptimisticTransaction Transaction { get; }

        public string Seen { get; }

        public string ReadAgain(TableBed bed) => string.Join('\n', _queries.Select(q => Show(bed, q)));

        /// <summary>Rows by value: versions are of another log.</summary>
        public static string Show(TableBed bed, TableQuery query, IStoreReader? snapshot = null)
        {
            var rows = (RowsResult)(snapshot is null ? bed.Query(query) : bed.Query(snapshot, query)).Result!;
            return string.Join(' ', rows.Rows.Select(r => r is null ? "none" : string.Join(',', r.Values)));
        }
    }

    private sealed class SnapshotEndpoint(TableBed bed, IStoreReader snapshot) : ITableEndpoint
    {
        public ValueTask<QueryReply> QueryAsync(TableQuery query, CancellationToken cancellationToken) => ValueTask.FromResult(bed.Query(snapshot, query));

        public ValueTask<TableReply> ProposeAsync(TableCommand command, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
