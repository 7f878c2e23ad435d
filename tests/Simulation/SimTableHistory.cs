using Delos.Protocol.Tables;
using Delos.Runtime;
using Delos.Tests.Histories;

namespace Delos.Tests.Simulation;

/// <summary>
/// What applications were told, and whether the tables that all replicas have in the end explain it: registers are linearizable; transfers happened one after the other in the order of the log, each upon what it had read,
/// once if it was answered so and never if it was refused; watchers saw every change, in order.
/// </summary>
internal sealed class SimTableHistory(SimWorld world)
{
    private readonly Dictionary<int, List<(HistoryOperation<RegisterOperation> Operation, SimLineage By)>> _registers = [];
    private readonly List<SimTransfer> _transfers = [];
    private readonly Dictionary<int, List<(string Change, SimLineage By)>> _watched = [];
    private readonly List<(Proposal Proposal, SimLineage One, SimLineage Other)> _twoAnswers = [];
    private long _ticks;

    public bool IsSetUp { get; set; }

    /// <summary>Orders what happens in one moment of virtual time.</summary>
    public long Tick() => ++_ticks;

    public void OnRegister(int register, long invoked, RegisterOperation operation, SimLineage by)
    {
        world.Count("tables: register read");
        Of(register).Add((new HistoryOperation<RegisterOperation>(invoked, Tick(), operation), by));
    }

    /// <summary>A conditional write that was not refused.</summary>
    public void OnRegister(int register, long invoked, bool isAnswered, ulong expected, ulong written, SimLineage by)
    {
        world.Count(isAnswered ? "tables: register written" : "tables: outcome unknown");
        var operation = isAnswered ? RegisterOperation.Won(expected, written) : RegisterOperation.Unknown(expected, written);
        Of(register).Add((new HistoryOperation<RegisterOperation>(invoked, isAnswered ? Tick() : null, operation), by));
    }

    public void OnTransfer(SimTransfer transfer)
    {
        world.Count(transfer.IsCommitted switch { true => "tables: transfer committed", false => "tables: transfer refused", null => "tables: outcome unknown" });
        _transfers.Add(transfer);
    }

    public void OnTwoAnswers(Proposal proposal, SimLineage one, SimLineage other) => _twoAnswers.Add((proposal, one, other));

    public void OnChanges(int watcher, ChangesResult changes, SimLineage by)
    {
        if (!_watched.TryGetValue(watcher, out var watched)) _watched[watcher] = watched = [];
        foreach (var change in changes.Changes)
        {
            world.Count("tables: change watched");
            watched.Add((Show(change), by));
        }
    }

    /// <summary>Holds everything against what a replica has in the end.</summary>
    public void Check(SimRuntime replica)
    {
        using var snapshot = replica.Store.Opened.Snapshot();
        foreach (var (proposal, _, _) in _twoAnswers.Where(t => !t.One.IsWrong && !t.Other.IsWrong)) world.Violate($"command {proposal.Sequence} of session {proposal.Session} has two answers");
        CheckRegisters(replica, snapshot);
        CheckAccounts(replica, snapshot);
    }

    private void CheckRegisters(SimRuntime replica, IStoreReader snapshot)
    {
        var rows = (RowsResult)replica.Machine.Queries.Execute(snapshot, new ScanRows(SimTableApp.Registers)).Result!;
        for (var i = 0; i < rows.Rows.Count; i++)
        {
            var register = (int)rows[i]["id"].AsInt64();
            var operations = Of(register).Where(o => !o.By.IsWrong).Select(o => o.Operation).ToList();

            // Told by one that was wrong, it may have been so or not.
            operations.AddRange(Of(register).Where(o => o.By.IsWrong && o.Operation.Value.Kind is RegisterOperationKind.WonWrite or RegisterOperationKind.UnknownWrite).Select(o => o.Operation with { Completed = null, Value = RegisterOperation.Unknown(o.Operation.Value.Expected, o.Operation.Value.Written) }));
            operations.Add(new HistoryOperation<RegisterOperation>(Tick(), Tick(), RegisterOperation.Read((ulong)rows[i]["n"].AsInt64(), (ulong)rows[i]["v"].AsInt64())));
            var result = LinearizabilityChecker.Check(new RegisterSpec(), operations);
            if (result.IsLinearizable is null) world.Violate($"register {register}: the search was given up");
            else if (result.IsLinearizable is false) world.Violate($"register {register} is not linearizable: {string.Join("; ", result.Unplaced.Take(3).Select(o => $"[{o.Invoked}, {o.Completed}] {o.Value}"))}");
        }
    }

    private void CheckAccounts(SimRuntime replica, IStoreReader snapshot)
    {
        var rows = (RowsResult)replica.Machine.Queries.Execute(snapshot, new ScanRows(SimTableApp.Accounts)).Result!;
        var done = new Dictionary<int, string>();
        var sum = 0L;
        for (var i = 0; i < rows.Rows.Count; i++)
        {
            done[(int)rows[i]["id"].AsInt64()] = rows[i]["done"].AsString();
            sum += rows[i]["balance"].AsInt64();
        }

        if (sum != SimTableApp.AccountCount * SimTableApp.Balance) world.Violate($"the accounts have {sum} together");
        var (changes, versions) = Changes(replica, snapshot);
        foreach (var transfer in _transfers) CheckTransfer(transfer, done, versions);
        var known = _transfers.Select(t => t.Id).ToHashSet();
        foreach (var (account, text) in done)
        {
            long[] ids = [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(s => long.Parse(s, System.Globalization.CultureInfo.InvariantCulture))];
            if (ids.Distinct().Count() != ids.Length) world.Violate($"account {account} has a transfer twice: {text}");
            if (ids.Any(id => !known.Contains(id))) world.Violate($"account {account} has a transfer that nobody made: {text}");
            for (var i = 1; i < ids.Length; i++)
            {
                if (versions.GetValueOrDefault(ids[i - 1], RowVersion.None) >= versions.GetValueOrDefault(ids[i], RowVersion.None)) world.Violate($"account {account}: {ids[i]} follows {ids[i - 1]}, but not in the log");
            }
        }

        foreach (var (watcher, watched) in _watched)
        {
            string[] seen = [.. watched.TakeWhile(w => !w.By.IsWrong).Select(w => w.Change)];
            if (!seen.AsSpan().SequenceEqual(changes.AsSpan(0, Math.Min(seen.Length, changes.Length)))) world.Violate($"watcher {watcher} saw something else than what changed: {string.Join(", ", seen.Except(changes).Take(3))}, missing {string.Join(", ", changes.Take(seen.Length).Except(seen).Take(3))}");
        }
    }

    private void CheckTransfer(SimTransfer transfer, Dictionary<int, string> done, Dictionary<long, RowVersion> versions)
    {
        var id = transfer.Id;
        var times = transfer.Written.Count(a => done[a].Split(' ').Contains($"{id}"));
        if (times is not 0 && times != transfer.Written.Count) world.Violate($"transfer {id} happened by halves");
        if (times == 0 != !versions.TryGetValue(id, out var version)) world.Violate($"transfer {id} is in {times} accounts, and its change {(times == 0 ? "was" : "was not")} shown");
        if (!transfer.AnsweredBy.IsWrong && transfer.IsCommitted == true && (times == 0 || version != transfer.Version)) world.Violate($"transfer {id} was answered as committed at {transfer.Version}, and is at {version} in {times} accounts");
        if (!transfer.AnsweredBy.IsWrong && transfer.IsCommitted == false && times > 0) world.Violate($"transfer {id} was refused, and is there");
        if (times == 0 || transfer.SeenBy.IsWrong) return;
        foreach (var (account, seen) in transfer.Seen)
        {
            var before = string.Concat(done[account].Split(' ', StringSplitOptions.RemoveEmptyEntries).TakeWhile(t => versions.GetValueOrDefault(long.Parse(t, System.Globalization.CultureInfo.InvariantCulture), RowVersion.None) < version).Select(t => $"{t} "));
            if (seen != before) world.Violate($"transfer {id} at {version} read '{seen}' of account {account}, where '{before}' was");
        }
    }

    /// <summary>All changes of accounts, and which command made which transfer.</summary>
    private static (string[] Changes, Dictionary<long, RowVersion> Versions) Changes(SimRuntime replica, IStoreReader snapshot)
    {
        var shown = new List<string>();
        var versions = new Dictionary<long, RowVersion>();
        for (var (after, more) = (RowVersion.None, true); more;)
        {
            var changes = (ChangesResult)replica.Machine.Queries.Execute(snapshot, new ReadChanges(SimTableApp.Accounts, 0, after, KeyBounds.All)).Result!;
            foreach (var change in changes.Changes)
            {
                shown.Add(Show(change));
                if (change.Row!.Values[2].AsString().TrimEnd() is { Length: > 0 } done) versions[long.Parse(done.Split(' ')[^1], System.Globalization.CultureInfo.InvariantCulture)] = change.Version;
            }

            (after, more) = (changes.Through, changes.More);
        }

        return ([.. shown], versions);
    }

    private static string Show(RowChange change) => $"{change.Version} {change.Kind} {string.Join(',', change.Key)} {string.Join(',', change.Row?.Values ?? [])}";

    private List<(HistoryOperation<RegisterOperation> Operation, SimLineage By)> Of(int register)
    {
        if (!_registers.TryGetValue(register, out var operations)) _registers[register] = operations = [];
        return operations;
    }
}

/// <summary>A transaction that moves money from one account to another.</summary>
/// <param name="Id">Ends up in both accounts.</param>
/// <param name="Written">The two.</param>
/// <param name="Seen">What it read: the transfers that were done to each account before.</param>
/// <param name="IsCommitted">As answered; null: not known.</param>
/// <param name="Version">At which it was, by the answer.</param>
/// <param name="SeenBy">Of the replica that it read from.</param>
/// <param name="AnsweredBy">Of the replica that answered.</param>
internal sealed record SimTransfer(long Id, IReadOnlyList<int> Written, IReadOnlyDictionary<int, string> Seen, bool? IsCommitted, RowVersion Version, SimLineage SeenBy, SimLineage AnsweredBy);
