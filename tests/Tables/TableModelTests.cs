using Delos.LocalStorage;
using Delos.Protocol.Tables;
using Delos.Tests.Fuzzing;

namespace Delos.Tests.Tables;

/// <summary>Random commands and queries, compared step by step with an oracle; the store is checked for consistency, and two replicas for being the same to the byte.</summary>
public sealed class TableModelTests
{
    private const double Share = 1.0 / 4;

    [Test]
    public void The_tables_do_what_the_oracle_does() => Fuzz.Run("tables against an oracle", 300, round => CompareWithOracle(round.Random), Share);

    [Test]
    public void Replicas_that_commit_in_batches_of_other_sizes_are_the_same_to_the_byte() => Fuzz.Run("replicas", 60, round =>
    {
        using var first = new TableBed();
        using var second = new TableBed();
        CompareReplicas(round, first, second);
    }, Share);

    [Test]
    public void A_replica_on_RocksDB_is_the_same_to_the_byte_as_one_in_memory()
    {
        var directory = DiskImage.NewDirectory();
        try
        {
            Fuzz.Run("replicas on other stores", 10, round =>
            {
                using var first = new TableBed();
                using var second = new TableBed(new RocksStoreFactory(RocksStoreOptions.Default with { Directory = Path.Combine(directory, $"{round.Seed}") }).Open());
                CompareReplicas(round, first, second);
                Check(second);
            }, Share);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static void CompareReplicas(FuzzRound round, TableBed first, TableBed second)
    {
        var workload = new TableWorkload(round.Random);
        var schema = first.Do(TableWorkload.Create).Schema!;
        second.Do(TableWorkload.Create);
        for (var batch = 0; batch < 12; batch++)
        {
            using var transaction = second.Store.Begin();
            for (var i = round.Random.Between(1, 6); i > 0; i--)
            {
                var commands = new byte[round.Random.Between(1, 3)][];
                for (var k = 0; k < commands.Length; k++) commands[k] = TableCommandCodec.Encode(workload.Next(schema));
                var replies = first.ApplyBytes(commands);
                schema = first.Describe(TableWorkload.Table).Schema;
                second.Time = first.Time;
                for (var k = 0; k < commands.Length; k++) FuzzRound.Check(second.Apply(transaction, second.Position, k, commands[k]).Encode().AsSpan().SequenceEqual(replies[k].Encode()), "replicas answer differently", commands[k]);
                second.Complete(transaction);
                second.Position++;
                first.Time += TimeSpan.FromSeconds(round.Random.Next(5));
            }

            transaction.Commit();
            FuzzRound.Check(first.Contents() == second.Contents(), "replicas differ", []);
            foreach (var reverse in new[] { false, true })
            {
                var scan = TableQueryCodec.Encode(new ScanRows(TableWorkload.Table, workload.Bounds("c"), "c") { Reverse = reverse });
                using var one = first.Store.Snapshot();
                using var other = second.Store.Snapshot();
                FuzzRound.Check(first.Queries.Execute(one, scan).AsSpan().SequenceEqual(second.Queries.Execute(other, scan)), "replicas are read differently", scan);
            }
        }
    }

    private static void CompareWithOracle(FuzzRandom random)
    {
        using var bed = new TableBed();
        var (workload, oracle) = (new TableWorkload(random), new TableOracle());
        var schema = bed.Do(TableWorkload.Create).Schema!;
        for (var step = 0; step < 40; step++)
        {
            if (random.OneIn(3)) bed.Time += TimeSpan.FromSeconds(random.Between(1, 10));
            TableCommand[] commands = [.. Enumerable.Range(0, random.OneIn(2) ? 1 : random.Between(2, 5)).Select(_ => workload.Next(schema))];
            var position = bed.Position;
            var replies = bed.ApplyEntry(commands);
            for (var i = 0; i < commands.Length; i++)
            {
                if (commands[i] is not Transact transaction) continue;
                var (reply, expected) = (replies[i], oracle.Apply(transaction, new RowVersion(position, i), CellValue.MicrosOf(bed.Time)));
                var found = reply.IsOk ? $"Ok {string.Join(' ', reply.Results.Select(r => $"{r.Version}<{r.Former}"))}" : $"{reply.Status} {reply.FailedOp}";
                if (found != expected) throw new FuzzFailure($"step {step}, command {i}: {found} ({reply.Message}), expected {expected}", TableCommandCodec.Encode(transaction));
            }

            schema = bed.Describe(TableWorkload.Table).Schema;
            CompareScan(bed, oracle, schema, random, workload);
        }

        var changes = bed.Changes(new ReadChanges(TableWorkload.Table, 0, RowVersion.None, KeyBounds.All)).Changes.Where(c => c.Kind != ChangeKind.Expire).Select(c => $"{c.Version} {c.Kind} {string.Join(',', c.Key)}");
        if (!changes.SequenceEqual(oracle.Changes)) throw new FuzzFailure("the changes differ", "");
        Check(bed);
    }

    private static void Check(TableBed bed)
    {
        bed.Settle(3);
        TableConsistency.Check(bed);
    }

    private static void CompareScan(TableBed bed, TableOracle oracle, TableSchema schema, FuzzRandom random, TableWorkload workload)
    {
        var index = random.Pick<string?>([null, "c", "unique", "x"]);
        if (index == "x" && schema.FindIndex("x")?.State != IndexState.Ready) index = null;
        int[] order = index is null ? [] : [.. schema.FindIndex(index)!.Columns.Select(schema.OrdinalOf)];
        var bounds = index == "x" ? KeyBounds.All : workload.Bounds(index);
        var filters = random.OneIn(3) ? new[] { workload.Filter() } : [];
        var scan = new ScanRows(TableWorkload.Table, bounds, index) { Reverse = random.OneIn(2), Filters = filters, Limit = random.Between(1, 5) };
        var found = new List<string>();
        using (var snapshot = bed.Store.Snapshot())
        {
            for (var page = bed.Query(snapshot, scan); ; page = bed.Query(snapshot, scan))
            {
                if (page.Result is not RowsResult rows) throw new FuzzFailure($"a scan was refused: {page.Message}", TableQueryCodec.Encode(scan));
                found.AddRange(rows.Rows.Select(r => TableOracle.Show(r!.Values, r.Version, r.ExpiresAt)));
                if (rows.Token.Length == 0) break;
                scan = scan with { Token = rows.Token };
            }
        }

        var expected = oracle.Scan(CellValue.MicrosOf(bed.Time), order, bounds, scan.Reverse, filters);
        if (!found.SequenceEqual(expected)) throw new FuzzFailure($"a scan of {index ?? "the primary key"} found\n{string.Join('\n', found)}\nexpected\n{string.Join('\n', expected)}", TableQueryCodec.Encode(scan));
    }
}
