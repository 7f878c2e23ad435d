using System.Collections.Concurrent;
using Delos.Client;
using Delos.Client.Tables;
using Delos.Protocol.Tables;

namespace Delos.Tests.Processes;

/// <summary>Table nodes that are killed under load.</summary>
public sealed class TableKillTests : TableFixture
{
    private const int Writers = 6;

    /// <summary>
    /// Each writer inserts rows of its own, which a write that was applied twice would answer with RowExists, and adds to a counter that all share, by transactions. A watch must see every insert once and in order, though its node dies, too.
    /// </summary>
    [Test]
    public async Task Nothing_acknowledged_is_lost_or_applied_twice_and_a_watch_has_no_gap()
    {
        await StartTablesAsync();
        await using var client = await ConnectAsync();
        await using var tables = TableClient.Connect(client);
        await tables.CreateTableAsync(Users);
        await tables.CreateTableAsync(new CreateTable("counters", [new("id", ColumnType.Int64), new("n", ColumnType.Int64)], "id"));
        await tables.Table("counters").PutAsync(Row.Of(("id", 0L), ("n", 0L)));

        using var stop = new CancellationTokenSource();
        using var stopWatch = new CancellationTokenSource();
        var seen = new ConcurrentQueue<TableChange>();
        var watching = WatchAsync(tables, seen, stopWatch.Token);
        var writers = Enumerable.Range(0, Writers).Select(i => new Writer(i)).ToList();
        var writing = writers.Select(w => Task.Run(() => w.RunAsync(tables, stop.Token))).ToList();
        for (var round = 0U; round < 3; round++)
        {
            await ProgressAsync(writers, 100);
            await Cluster[round + 1].KillAsync();
            await ProgressAsync(writers, 100);
            await Cluster.RestartAsync(round + 1, CancellationToken.None);
        }

        await ProgressAsync(writers, 100);
        await stop.CancelAsync();
        await Task.WhenAll(writing);

        var rows = (await ListAsync(tables.Table("users").ScanAsync())).Select(r => r["id"].AsInt64()).ToHashSet();
        var acknowledged = writers.SelectMany(w => w.Inserted).ToList();
        var unknown = writers.SelectMany(w => w.Unknown).ToHashSet();
        TestContext.Out.WriteLine($"{acknowledged.Count} inserts, {unknown.Count} unknown, {writers.Sum(w => w.Added)} additions, {writers.Sum(w => w.MaybeAdded)} unknown");
        Assert.That(writers.SelectMany(w => w.AppliedTwice), Is.Empty, "answered RowExists");
        Assert.That(acknowledged.Where(id => !rows.Contains(id)), Is.Empty, "acknowledged and lost");
        Assert.That(rows.Except(acknowledged).Except(unknown), Is.Empty, "there, though nobody wrote it");
        var counter = (await tables.Table("counters").GetAsync([0L]))!["n"].AsInt64();
        Assert.That(counter, Is.InRange(writers.Sum(w => w.Added), writers.Sum(w => w.Added + w.MaybeAdded)));

        // The last row is the end of what the watch must see.
        await tables.Table("users").PutAsync(User(-1, "end"));
        await UntilAsync(() => Task.FromResult(seen.Any(c => c.Key[0].AsInt64() == -1)), "the watch has come to the end");
        await stopWatch.CancelAsync();
        await watching;
        var changes = seen.Where(c => c.Key[0].AsInt64() >= 0).ToList();
        Assert.That(changes.Select(c => c.Key[0].AsInt64()).Order(), Is.EqualTo(rows.Order()), "each insert once");
        Assert.That(changes.Select(c => c.Version), Is.Ordered);
        await EqualAsync(client, 1, 2, 3);
    }

    private static async Task WatchAsync(TableClient tables, ConcurrentQueue<TableChange> seen, CancellationToken stop)
    {
        try
        {
            await foreach (var change in tables.Table("users").WatchAsync(new WatchOptions { After = RowVersion.None }, stop)) seen.Enqueue(change);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The end of the test.
        }
    }

    private static async Task ProgressAsync(List<Writer> writers, int more)
    {
        var goal = writers.Sum(w => w.Inserted.Count) + more;
        await UntilAsync(() => Task.FromResult(writers.Sum(w => w.Inserted.Count) >= goal), $"{more} more inserts", 120);
    }

    private sealed class Writer(int number)
    {
        private long _next;

        public ConcurrentQueue<long> Inserted { get; } = new();

        public ConcurrentQueue<long> Unknown { get; } = new();

        public ConcurrentQueue<long> AppliedTwice { get; } = new();

        public long Added { get; private set; }

        public long MaybeAdded { get; private set; }

        public async Task RunAsync(TableClient tables, CancellationToken stop)
        {
            while (!stop.IsCancellationRequested)
            {
                await InsertAsync(tables, (_next++ * Writers) + number);
                if (_next % 4 == 0) await AddAsync(tables);
            }
        }

        private async Task InsertAsync(TableClient tables, long id)
        {
            try
            {
                await tables.Table("users").InsertAsync(User(id, $"writer {number}"));
                Inserted.Enqueue(id);
            }
            catch (TableException e) when (e.Status == TableStatus.RowExists)
            {
                AppliedTwice.Enqueue(id);
            }
            catch (DelosException e)
            {
                if (e.Code == DelosErrorCode.OutcomeUnknown) Unknown.Enqueue(id);
            }
        }

        private async Task AddAsync(TableClient tables)
        {
            try
            {
                await tables.TransactAsync(async tx =>
                {
                    var row = await tx.GetAsync("counters", 0L);
                    tx.Put("counters", Row.Of(("id", 0L), ("n", row!["n"].AsInt64() + 1)));
                });
                Added++;
            }
            catch (TableException e) when (e.Status == TableStatus.Conflict)
            {
                // As often as there were attempts.
            }
            catch (DelosException e)
            {
                if (e.Code == DelosErrorCode.OutcomeUnknown) MaybeAdded++;
            }
        }
    }
}
