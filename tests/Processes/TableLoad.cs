using System.Collections.Concurrent;
using Delos.Client;
using Delos.Client.Tables;
using Delos.Protocol.Tables;
using Delos.Tests.Histories;

namespace Delos.Tests.Processes;

/// <summary>What applications of a <see cref="TableLoad"/> do.</summary>
internal enum TableDeed
{
    Put,
    Update,
    Read,
    Transfer,
    Scan,
}

/// <summary>What a <see cref="TableLoad"/> is like.</summary>
internal sealed record TableLoadOptions
{
    /// <summary>Put in front of the names of its tables.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>Clients of their own that bear no failure, each with two applications.</summary>
    public int Patient { get; init; } = 3;

    /// <summary>Of an application after each operation: a load without rest only takes the processors from the nodes under test.</summary>
    public TimeSpan Rest { get; init; } = TimeSpan.FromMilliseconds(5);
}

/// <summary>
/// Applications that use tables of real nodes, and watches of them, until told to stop; everything goes into a <see cref="TableHistory"/>, which <see cref="CheckAsync"/> judges. No operation may fail for good: the tables promise to hide
/// reconfigurations and single deaths. Only one client gives up early, so that there are writes of which nobody knows whether they happened.
/// </summary>
internal sealed class TableLoad : IAsyncDisposable
{
    public const int Registers = 4;
    public const int Accounts = 12;
    public const string Index = "by_mark";
    private const long Balance = 100;
    private static readonly TableClientOptions s_patient = new() { OperationTimeout = TimeSpan.FromSeconds(60), AttemptTimeout = TimeSpan.FromSeconds(1), WatchWait = TimeSpan.FromSeconds(1) };
    private static readonly TableClientOptions s_impatient = s_patient with { OperationTimeout = TimeSpan.FromMilliseconds(300), AttemptTimeout = TimeSpan.FromMilliseconds(150) };

    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _stopWatches = new();
    private readonly List<DelosClient> _clients = [];
    private readonly List<Task> _apps = [];
    private readonly List<(string Name, bool IsOfAccounts, ConcurrentQueue<ChangeRecord> Shown, Task Watching)> _watches = [];
    private readonly ConcurrentDictionary<string, int> _counts = new();
    private readonly int[] _done = new int[Enum.GetValues<TableDeed>().Length];
    private readonly string _endpoints;
    private readonly TableClient _tables;
    private long _longestWait;

    private TableLoad(string endpoints, TableLoadOptions options)
    {
        _endpoints = endpoints;
        Options = options;
        _tables = NewTables(s_patient);
    }

    public TableLoadOptions Options { get; }

    public TableHistory History { get; } = new();

    public string RegisterTable => Options.Prefix + "registers";

    public string AccountTable => Options.Prefix + "accounts";

    /// <summary>Operations that succeeded so far.</summary>
    public long Succeeded => _done.Sum(d => (long)d);

    /// <summary>Longest time that one that succeeded took.</summary>
    public TimeSpan LongestWait => TimeSpan.FromTicks(Interlocked.Read(ref _longestWait));

    public string Summary => string.Join(", ", Enum.GetValues<TableDeed>().Select(d => $"{d} {_done[(int)d]}").Concat(_counts.OrderBy(c => c.Key, StringComparer.Ordinal).Select(c => $"{c.Key} {c.Value}")).Append($"longest wait {LongestWait.TotalMilliseconds:F0} ms"));

    /// <summary>Creates the tables, and begins.</summary>
    public static async Task<TableLoad> StartAsync(string endpoints, TableLoadOptions? options = null)
    {
        var load = new TableLoad(endpoints, options ?? new TableLoadOptions());
        ColumnDefinition[] columns = [new("id", ColumnType.Int64), new("amount", ColumnType.Int64), new("mark", ColumnType.Int64)];
        await load._tables.CreateTableAsync(new CreateTable(load.RegisterTable, columns, "id"));
        await load._tables.CreateTableAsync(new CreateTable(load.AccountTable, columns, ["id"], [new IndexDefinition(Index, ["mark"])], TableSettings.Default));
        await load._tables.WriteAsync([.. Enumerable.Range(0, Registers).Select(i => TableOp.Insert(load.RegisterTable, Row.Of(("id", i), ("amount", 0), ("mark", 0))))]);
        await load._tables.WriteAsync([.. Enumerable.Range(0, Accounts).Select(i => TableOp.Insert(load.AccountTable, Row.Of(("id", i), ("amount", Balance), ("mark", 0))))]);
        for (var i = 0; i <= load.Options.Patient; i++)
        {
            var isPatient = i < load.Options.Patient;
            var tables = load.NewTables(isPatient ? s_patient : s_impatient);
            for (var j = 0; j < 2; j++)
            {
                var app = new TableApp(load, tables, (2 * i) + j, isPatient);
                load._apps.Add(Task.Run(() => app.RunAsync(load._stop.Token)));
            }
        }

        foreach (var ofAccounts in new[] { false, true }) load.Watch(ofAccounts);
        return load;
    }

    public void Count(TableDeed deed, TimeSpan took)
    {
        Interlocked.Increment(ref _done[(int)deed]);
        for (var seen = Interlocked.Read(ref _longestWait); took.Ticks > seen;)
        {
            var before = Interlocked.CompareExchange(ref _longestWait, took.Ticks, seen);
            if (before == seen) return;
            seen = before;
        }
    }

    public void CountGivenUp(DelosErrorCode code) => _counts.AddOrUpdate($"given up as {code}", 1, (_, n) => n + 1);

    /// <summary>Until so many further operations of each kind succeeded.</summary>
    public async Task AdvanceAsync(int more, TimeSpan timeout)
    {
        int[] goals = [.. _done.Select(d => d + more)];
        using var deadline = new CancellationTokenSource(timeout);
        while (!Enumerable.Range(0, goals.Length).All(i => Volatile.Read(ref _done[i]) >= goals[i]))
        {
            foreach (var failed in _apps.Concat(_watches.Select(w => w.Watching)).Where(t => t.IsFaulted)) await failed;
            if (deadline.IsCancellationRequested) Assert.Fail($"Of each kind {more} operations were to succeed within {timeout.TotalSeconds} s; lacking: {string.Join(", ", Enum.GetValues<TableDeed>().Select(d => $"{d} {Math.Max(0, goals[(int)d] - _done[(int)d])}"))}.");
            await Task.Delay(5, CancellationToken.None);
        }
    }

    /// <summary>Ends the applications and the watches, and holds all that they were told against what the tables have then.</summary>
    public async Task CheckAsync(TimeSpan timeout)
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_apps).WaitAsync(timeout);
        foreach (var (name, isOfAccounts, shown, watching) in _watches)
        {
            var end = (await ContentAsync(isOfAccounts ? AccountTable : RegisterTable)).Changes[^1].Version;
            using var deadline = new CancellationTokenSource(timeout);
            while (!shown.Any(c => c.Version == end))
            {
                if (watching.IsFaulted) await watching;
                if (deadline.IsCancellationRequested) Assert.Fail($"{name} was not shown the change at {end} within {timeout.TotalSeconds} s.");
                await Task.Delay(5, CancellationToken.None);
            }

            History.Watches.Add(new WatchRecord(name, isOfAccounts, [.. shown], end));
        }

        await _stopWatches.CancelAsync();
        await Task.WhenAll(_watches.Select(w => w.Watching)).WaitAsync(timeout);
        Assert.That(TableHistoryChecker.Check(History, await ContentAsync(RegisterTable), await ContentAsync(AccountTable), Accounts * Balance), Is.Empty, Summary);
        Assert.That(_done, Has.None.Zero, Summary);
    }

    /// <summary>Takes the tables away.</summary>
    public async Task DropAsync()
    {
        await _tables.DropTableAsync(RegisterTable);
        await _tables.DropTableAsync(AccountTable);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _stopWatches.CancelAsync();
        foreach (var client in _clients) await client.DisposeAsync();
        await Task.WhenAll(_apps.Concat(_watches.Select(w => w.Watching))).WaitAsync(TimeSpan.FromSeconds(10)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
        _stopWatches.Dispose();
    }

    private TableClient NewTables(TableClientOptions options)
    {
        var client = DelosClient.Connect(_endpoints);
        _clients.Add(client);

        // Some at whatever node, also far from the sequencer.
        return TableClient.Connect(client, options with { PreferSequencer = _clients.Count % 2 == 0 });
    }

    private void Watch(bool ofAccounts)
    {
        var shown = new ConcurrentQueue<ChangeRecord>();
        var table = NewTables(s_patient).Table(ofAccounts ? AccountTable : RegisterTable);
        _watches.Add(($"the watch of {table.Name}", ofAccounts, shown, Task.Run(() => WatchAsync(table, shown))));
    }

    private async Task WatchAsync(Table table, ConcurrentQueue<ChangeRecord> shown)
    {
        try
        {
            await foreach (var change in table.WatchAsync(new WatchOptions { After = RowVersion.None }, _stopWatches.Token))
            {
                shown.Enqueue(new ChangeRecord(change.Version, change.Kind, change.Key[0].AsInt64(), change.Row?["amount"].AsInt64() ?? 0, change.Row?["mark"].AsInt64() ?? 0));
            }
        }
        catch (OperationCanceledException) when (_stopWatches.IsCancellationRequested)
        {
            // The only way in which watching ends.
        }
    }

    /// <summary>As it is after all that was answered. A write that nobody waits for any more may come between the questions: then they are asked again.</summary>
    private async Task<TableContent> ContentAsync(string table)
    {
        while (true)
        {
            var changes = new List<ChangeRecord>();
            for (var (after, more) = (RowVersion.None, true); more;)
            {
                var page = (ChangesResult)(await AskAsync(new ReadChanges(table, 0, after, KeyBounds.All)));
                changes.AddRange(TableContent.Of(page));
                (after, more) = (page.Through, page.More);
            }

            RowRecord[] rows = [.. TableContent.Of((RowsResult)await AskAsync(new ScanRows(table)))];
            if (rows.Max(r => r.Version) <= changes[^1].Version) return new TableContent(table, changes, rows);
        }
    }

    private async Task<QueryResult> AskAsync(TableQuery query)
    {
        var reply = await _tables.QueryAsync(query);
        return reply.Result ?? throw new TableException(reply.Status, reply.Message);
    }
}
