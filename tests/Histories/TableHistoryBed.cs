using Delos.Protocol.Tables;

namespace Delos.Tests.Histories;

/// <summary>Two tables in memory that do one operation after the other and record a right <see cref="TableHistory"/> of it, into which a test can plant what is wrong.</summary>
internal sealed class TableHistoryBed
{
    public const long Total = 400;
    private readonly Dictionary<long, RowRecord> _registers = [];
    private readonly Dictionary<long, RowRecord> _accounts = [];
    private long _position;

    public TableHistoryBed()
    {
        foreach (var key in new[] { 1L, 2, 3, 4 })
        {
            Write(RegisterChanges, _registers, NextVersion(), key, 0, 0);
            Write(AccountChanges, _accounts, NextVersion(), key, Total / 4, 0);
        }
    }

    public TableHistory History { get; } = new();

    public List<ChangeRecord> RegisterChanges { get; } = [];

    public List<ChangeRecord> AccountChanges { get; } = [];

    public RowRecord Register(long key) => _registers[key];

    public AccountRead Account(long key) => new(key, _accounts[key].Amount, _accounts[key].Mark);

    public IReadOnlyList<AccountRead> Accounts => [Account(1), Account(2), Account(3), Account(4)];

    public RowVersion NextVersion() => new(++_position, 0);

    /// <summary>The write takes effect; nothing is recorded of whoever asked for it.</summary>
    public OpResult Put(long register, long mark)
    {
        var former = _registers[register].Version;
        return new OpResult(Write(RegisterChanges, _registers, NextVersion(), register, 0, mark), former);
    }

    public void PutAnswered(long register, long mark, RowVersion? expected = null)
    {
        var invoked = History.Now();
        History.Registers.Add(RegisterRecord.Written(register, invoked, History.Now(), mark, Put(register, mark), expected));
    }

    public void Read(long register, RowRecord seen)
    {
        var invoked = History.Now();
        History.Registers.Add(RegisterRecord.Read(register, invoked, History.Now(), seen.Mark, seen.Version));
    }

    /// <summary>The transfer takes effect; nothing is recorded of whoever asked for it.</summary>
    public RowVersion Move(long mark, long from, long to, long amount, RowVersion? at = null)
    {
        var version = at ?? NextVersion();
        Write(AccountChanges, _accounts, version, from, _accounts[from].Amount - amount, mark);
        Write(AccountChanges, _accounts, version, to, _accounts[to].Amount + amount, mark);
        return version;
    }

    public void MoveAnswered(long mark, long from, long to, long amount)
    {
        var invoked = History.Now();
        AccountRead[] seen = [Account(from), Account(to)];
        var version = Move(mark, from, to, amount);
        History.Transfers.Add(new TransferRecord(mark, from, to, amount, seen, invoked, History.Now(), true, version));
    }

    public void Told(long mark, long from, long to, long amount, IReadOnlyList<AccountRead> seen, bool? isCommitted)
    {
        var invoked = History.Now();
        History.Transfers.Add(new TransferRecord(mark, from, to, amount, seen, invoked, isCommitted is null ? null : History.Now(), isCommitted, null));
    }

    public void Audit(IReadOnlyList<AccountRead> seen, RowVersion snapshot)
    {
        var invoked = History.Now();
        History.Audits.Add(new AuditRecord(invoked, History.Now(), snapshot, seen));
    }

    public void Watch(bool ofAccounts, Action<List<ChangeRecord>>? change = null)
    {
        List<ChangeRecord> shown = [.. ofAccounts ? AccountChanges : RegisterChanges];
        change?.Invoke(shown);
        History.Watches.Add(new WatchRecord("a watch", ofAccounts, shown, NextVersion()));
    }

    public IReadOnlyList<string> Check() =>
        TableHistoryChecker.Check(History, new TableContent("registers", RegisterChanges, [.. _registers.Values]), new TableContent("accounts", AccountChanges, [.. _accounts.Values]), Total);

    private static RowVersion Write(List<ChangeRecord> changes, Dictionary<long, RowRecord> rows, RowVersion version, long key, long amount, long mark)
    {
        changes.Add(new ChangeRecord(version, ChangeKind.Put, key, amount, mark));
        rows[key] = new RowRecord(version, key, amount, mark);
        return version;
    }
}
