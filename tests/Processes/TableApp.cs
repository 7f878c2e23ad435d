using Delos.Client;
using Delos.Client.Tables;
using Delos.Protocol.Tables;
using Delos.Tests.Histories;

namespace Delos.Tests.Processes;

/// <summary>One application of a <see cref="TableLoad"/>: reads and writes registers, moves money between accounts, scans all of them. What it was told goes into the load's history. Not thread-safe.</summary>
/// <param name="load">Whose.</param>
/// <param name="tables">Its door to them.</param>
/// <param name="number">Tells its writes from those of others.</param>
/// <param name="isPatient">No operation may fail. Else it gives up soon, and bears that; then it often does not know what became of its writes.</param>
internal sealed class TableApp(TableLoad load, TableClient tables, int number, bool isPatient)
{
    private readonly Random _random = new(number);
    private readonly Dictionary<long, RowVersion> _seen = [];
    private long _writes;

    private TableHistory History => load.History;

    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var deed = _random.Next(10) switch { < 2 => TableDeed.Put, 2 => TableDeed.Update, < 6 => TableDeed.Read, < 9 => TableDeed.Transfer, _ => TableDeed.Scan };
            var begun = TimeProvider.System.GetTimestamp();
            if (await DoAsync(deed)) load.Count(deed, TimeProvider.System.GetElapsedTime(begun));
            await Task.Delay(load.Options.Rest, CancellationToken.None);
        }
    }

    private Task<bool> DoAsync(TableDeed deed) => deed switch
    {
        TableDeed.Put or TableDeed.Update => WriteAsync(isConditional: deed == TableDeed.Update),
        TableDeed.Read => ReadAsync(),
        TableDeed.Transfer => TransferAsync(),
        _ => ScanAsync(),
    };

    private async Task<bool> WriteAsync(bool isConditional)
    {
        var register = _random.Next(TableLoad.Registers);
        RowVersion? expected = isConditional && _seen.TryGetValue(register, out var seen) ? seen : null;
        var mark = NextMark();
        var op = TableOp.Put(load.RegisterTable, Row.Of(("id", register), ("amount", number), ("mark", mark)), default, expected is { } version ? [Condition.VersionIs(version)] : []);
        var invoked = History.Now();
        try
        {
            var (reply, _) = await tables.TryWriteAsync([op]);
            if (!reply.IsOk && reply.Status != TableStatus.PreconditionFailed) throw new TableException(reply.Status, reply.Message, reply);
            History.Registers.Add(reply.IsOk
                ? RegisterRecord.Written(register, invoked, History.Now(), mark, reply.Results[0], expected)
                : RegisterRecord.Refused(register, invoked, History.Now(), mark, reply.Current, expected));
            _seen[register] = reply.IsOk ? reply.Results[0].Version : reply.Current;
            return reply.IsOk;
        }
        catch (DelosException e) when (Bears(e))
        {
            History.Registers.Add(IsUnknown(e) ? RegisterRecord.MayBeWritten(register, invoked, mark) : RegisterRecord.NotWritten(register, invoked, History.Now(), mark));
            return false;
        }
    }

    private async Task<bool> ReadAsync()
    {
        var register = _random.Next(TableLoad.Registers);
        var invoked = History.Now();
        try
        {
            var row = await tables.Table(load.RegisterTable).GetAsync([register]) ?? throw new InvalidOperationException($"Register {register} is not there.");
            History.Registers.Add(RegisterRecord.Read(register, invoked, History.Now(), row["mark"].AsInt64(), row.Version));
            _seen[register] = row.Version;
            return true;
        }
        catch (DelosException e) when (Bears(e))
        {
            return false;
        }
    }

    /// <summary>Each attempt is a transfer of its own, so that one that was refused must not be there.</summary>
    private async Task<bool> TransferAsync()
    {
        int[] accounts = [.. Enumerable.Range(0, TableLoad.Accounts)];
        _random.Shuffle(accounts);
        var (from, to, amount, reads) = (accounts[0], accounts[1], _random.Next(1, 10), _random.Next(4));
        TransferRecord? attempt = null;
        var isCommitted = false;
        try
        {
            await tables.TransactAsync(async transaction =>
            {
                if (attempt is not null) History.Transfers.Add(attempt with { Completed = History.Now(), IsCommitted = false });
                attempt = null;
                var invoked = History.Now();
                var seen = reads == 0 ? await ScanAsync(transaction) : await GetAsync(transaction, accounts[..(reads == 1 ? 3 : 2)]);
                var mark = NextMark();
                foreach (var (account, change) in new[] { (from, -amount), (to, amount) })
                {
                    transaction.Put(load.AccountTable, Row.Of(("id", account), ("amount", seen.Single(s => s.Account == account).Balance + change), ("mark", mark)));
                }

                attempt = new TransferRecord(mark, from, to, amount, seen, invoked, null, null, null);
            });
            isCommitted = true;
        }
        catch (TableException e) when (TableException.IsTransient(e.Status))
        {
            // As often as there were attempts.
        }
        catch (DelosException e) when (Bears(e))
        {
            if (IsUnknown(e))
            {
                if (attempt is not null) History.Transfers.Add(attempt);
                return false;
            }
        }

        if (attempt is not null) History.Transfers.Add(attempt with { Completed = History.Now(), IsCommitted = isCommitted });
        return isCommitted;
    }

    private async Task<List<AccountRead>> GetAsync(TableTransaction transaction, int[] accounts)
    {
        var seen = new List<AccountRead>();
        foreach (var account in accounts) seen.Add(ToRead(await transaction.GetAsync(load.AccountTable, account) ?? throw new InvalidOperationException($"Account {account} is not there.")));
        return seen;
    }

    private async Task<List<AccountRead>> ScanAsync(TableTransaction transaction)
    {
        var seen = new List<AccountRead>();
        await foreach (var row in transaction.ScanAsync(load.AccountTable, new ScanOptions { PageRows = 4 })) seen.Add(ToRead(row));
        return seen;
    }

    /// <summary>By the primary key or the index, in several pages.</summary>
    private async Task<bool> ScanAsync()
    {
        var options = new ScanOptions { Index = _random.Next(2) == 0 ? TableLoad.Index : null, PageRows = _random.Next(2, 20) };
        var seen = new List<AccountRead>();
        SnapshotId? snapshot = null;
        var invoked = History.Now();
        try
        {
            await foreach (var page in tables.Table(load.AccountTable).ScanPagesAsync(options))
            {
                if (snapshot is { } first && first != page.Snapshot) throw new InvalidOperationException($"A scan's pages are of {first} and {page.Snapshot}.");
                snapshot = page.Snapshot;
                seen.AddRange(page.Rows.Select(r => ToRead(r.Values)));
            }
        }
        catch (TableException e) when (e.Status == TableStatus.SnapshotExpired)
        {
            // The node that held it is gone, and a page was shown already.
            return false;
        }
        catch (DelosException e) when (Bears(e))
        {
            return false;
        }

        History.Audits.Add(new AuditRecord(invoked, History.Now(), snapshot?.Version ?? RowVersion.None, seen));
        return true;
    }

    private static AccountRead ToRead(Row row) => new(row["id"].AsInt64(), row["amount"].AsInt64(), row["mark"].AsInt64());

    private static bool IsUnknown(DelosException e) => e.Code == DelosErrorCode.OutcomeUnknown;

    private bool Bears(DelosException e)
    {
        if (isPatient || e.Code is not (DelosErrorCode.OutcomeUnknown or DelosErrorCode.Unavailable or DelosErrorCode.LimitExceeded)) return false;
        load.CountGivenUp(e.Code);
        return true;
    }

    private long NextMark() => ((number + 1) * 1_000_000_000L) + ++_writes;
}
