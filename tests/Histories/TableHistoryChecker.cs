using Delos.Protocol.Tables;

namespace Delos.Tests.Histories;

/// <summary>
/// The promises of tables, held against a history and what the tables have in the end. Registers are linearizable (<see cref="RegisterHistoryChecker"/>); transfers happened one after the other in the order of the log, each upon what it had
/// read, once if it was answered so and never if it was refused (<see cref="TransferHistoryChecker"/>); the order of the log is that of real time, over both tables; watches showed every change, once and in order.
/// </summary>
public static class TableHistoryChecker
{
    /// <summary>The violations in words; empty if the history is right. At most 20 of a kind are told.</summary>
    /// <param name="history">What happened.</param>
    /// <param name="registers">After everything has ended.</param>
    /// <param name="accounts">After everything has ended.</param>
    /// <param name="total">What all accounts have together.</param>
    public static IReadOnlyList<string> Check(TableHistory history, TableContent registers, TableContent accounts, long total)
    {
        var violations = new Violations();
        CheckContent(registers, violations);
        CheckContent(accounts, violations);
        RegisterHistoryChecker.Check(history, registers, violations);
        var committed = TransferHistoryChecker.Check(history, accounts, total, violations);
        CheckRealTime(history, committed, violations);
        foreach (var watch in history.Watches) CheckWatch(watch, (watch.IsOfAccounts ? accounts : registers).Changes, violations);
        return violations.Told;
    }

    /// <summary>The changes are in order, no write is among them twice for one row, and the rows are what the changes made of them.</summary>
    private static void CheckContent(TableContent content, Violations violations)
    {
        var last = new Dictionary<long, ChangeRecord>();
        var marks = new HashSet<(long, long)>();
        var version = RowVersion.None;
        foreach (var change in content.Changes)
        {
            if (change.Kind != ChangeKind.Put) violations.Add("content", $"{content.Name}: {change} was no write");
            if (change.Version < version || (last.TryGetValue(change.Key, out var former) && change.Version <= former.Version)) violations.Add("content", $"{content.Name}: {change} comes behind {version}");
            if (!marks.Add((change.Key, change.Mark))) violations.Add("twice", $"{content.Name}: write {change.Mark} was applied to {change.Key} more than once, again at {change.Version}");
            last[change.Key] = change;
            version = change.Version;
        }

        foreach (var row in content.Rows)
        {
            if (!last.Remove(row.Key, out var change) || (change.Version, change.Amount, change.Mark) != (row.Version, row.Amount, row.Mark)) violations.Add("content", $"{content.Name}: {row}, but its last change is {change}");
        }

        foreach (var (_, change) in last) violations.Add("content", $"{content.Name}: there is no row for {change}");
    }

    /// <summary>What was answered before something began lies in front of it in the log; a scan sees it.</summary>
    private static void CheckRealTime(TableHistory history, IReadOnlyList<(TransferRecord Transfer, RowVersion At)> committed, Violations violations)
    {
        var events = history.Registers.Where(r => r.Deed == RegisterDeed.Written).Select(r => new Event(r.Invoked, r.Completed, r.Version, true, $"write {r.Mark} of register {r.Register}"))
            .Concat(committed.Select(t => new Event(t.Transfer.Invoked, t.Transfer.IsCommitted == true ? t.Transfer.Completed : null, t.At, true, $"transfer {t.Transfer.Mark}")))
            .Concat(history.Audits.Select(a => new Event(a.Invoked, a.Completed, a.Snapshot, false, "a scan of all accounts")))
            .OrderBy(e => e.Invoked).ToList();
        var completions = events.Where(e => e.Completed is not null).OrderBy(e => e.Completed).ToList();
        var next = 0;
        Event? highest = null;
        foreach (var one in events)
        {
            for (; next < completions.Count && completions[next].Completed < one.Invoked; next++)
            {
                if (highest is null || completions[next].At > highest.At) highest = completions[next];
            }

            // A scan may see the very state that another one saw, or that a write left.
            if (highest is not null && (one.At < highest.At || (one.IsWrite && one.At == highest.At))) violations.Add("real time", $"{one.What} is at {one.At}, and began after {highest.What} at {highest.At} was answered");
        }
    }

    private static void CheckWatch(WatchRecord watch, IReadOnlyList<ChangeRecord> changes, Violations violations)
    {
        for (var i = 0; i < watch.Changes.Count; i++)
        {
            if (i < changes.Count && watch.Changes[i] == changes[i]) continue;
            violations.Add("watch", $"{watch.Name} was shown {watch.Changes[i]}, and not {(i < changes.Count ? changes[i] : "the end")}, as change {i}");
            return;
        }

        if (watch.Changes.Count < changes.Count && changes[watch.Changes.Count].Version <= watch.Through) violations.Add("watch", $"{watch.Name} was shown {watch.Changes.Count} of {changes.Count} changes, and not {changes[watch.Changes.Count]}");
    }

    private sealed record Event(long Invoked, long? Completed, RowVersion At, bool IsWrite, string What);
}
