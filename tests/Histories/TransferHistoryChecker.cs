using Delos.Protocol.Tables;

namespace Delos.Tests.Histories;

/// <summary>The accounts of a <see cref="TableHistory"/>: transfers and scans are serializable in the order of the log, which the rows' versions tell.</summary>
internal static class TransferHistoryChecker
{
    /// <summary>The transfers that happened, and where.</summary>
    public static IReadOnlyList<(TransferRecord Transfer, RowVersion At)> Check(TableHistory history, TableContent content, long total, Violations violations)
    {
        var states = new States(content.Changes);
        var marks = content.Changes.ToLookup(c => c.Mark);
        var committed = new List<(TransferRecord, RowVersion)>();
        foreach (var transfer in history.Transfers)
        {
            ChangeRecord[] changes = [.. marks[transfer.Mark]];
            CheckAnswer(transfer, changes, violations);
            if (changes.Length == 0) continue;
            committed.Add((transfer, changes[0].Version));
            CheckEffect(transfer, changes, violations);
            CheckReads($"transfer {transfer.Mark} at {changes[0].Version}", transfer.Seen, a => states.Before(a, changes[0].Version), violations);
        }

        foreach (var audit in history.Audits)
        {
            var sum = audit.Seen.Sum(s => s.Balance);
            if (sum != total || audit.Seen.Count != states.Accounts) violations.Add("sum", $"a scan at {audit.Snapshot} saw {sum} in {audit.Seen.Count} of {states.Accounts} accounts, and not {total}");
            CheckReads($"a scan at {audit.Snapshot}", audit.Seen, a => states.Before(a, audit.Snapshot with { Index = audit.Snapshot.Index + 1 }), violations);
        }

        var known = history.Transfers.Select(t => t.Mark).Append(0).ToHashSet();
        foreach (var unknown in marks.Where(m => !known.Contains(m.Key))) violations.Add("from nowhere", $"transfer {unknown.Key} is in the accounts, and nobody made it");
        CheckSums(content, total, violations);
        return committed;
    }

    private static void CheckAnswer(TransferRecord transfer, ChangeRecord[] changes, Violations violations)
    {
        if (transfer.IsCommitted == true && changes.Length == 0) violations.Add("lost", $"transfer {transfer.Mark} was answered as committed, and is in no account");
        if (transfer.IsCommitted == false && changes.Length > 0) violations.Add("refused", $"transfer {transfer.Mark} was refused, and is at {changes[0].Version}");
        if (transfer is { IsCommitted: true, Version: { } version } && changes.Any(c => c.Version != version)) violations.Add("wrong version", $"transfer {transfer.Mark} was answered as committed at {version}, and is at {string.Join(", ", changes.Select(c => c.Version))}");
    }

    private static void CheckEffect(TransferRecord transfer, ChangeRecord[] changes, Violations violations)
    {
        if (changes.Select(c => c.Version).Distinct().Count() > 1) violations.Add("twice", $"transfer {transfer.Mark} happened more than once: at {string.Join(", ", changes.Select(c => c.Version))}");
        else if (!changes.Select(c => c.Key).Order().SequenceEqual(new[] { transfer.From, transfer.To }.Order())) violations.Add("by halves", $"transfer {transfer.Mark} from {transfer.From} to {transfer.To} happened to {string.Join(", ", changes.Select(c => c.Key))}");
        foreach (var seen in transfer.Seen)
        {
            foreach (var change in changes.Where(c => c.Key == seen.Account))
            {
                var wanted = seen.Balance + (seen.Account == transfer.From ? -transfer.Amount : transfer.Amount);
                if (change.Amount != wanted) violations.Add("wrong amount", $"transfer {transfer.Mark} left {change.Amount} in account {seen.Account}, and not {wanted}");
            }
        }
    }

    private static void CheckReads(string who, IReadOnlyList<AccountRead> seen, Func<long, AccountRead?> before, Violations violations)
    {
        foreach (var read in seen)
        {
            if (before(read.Account) is not { } was || was != read) violations.Add("not serializable", $"{who} read {read}, where {before(read.Account)?.ToString() ?? "nothing"} was");
        }
    }

    /// <summary>After every command, once all accounts are there.</summary>
    private static void CheckSums(TableContent content, long total, Violations violations)
    {
        var balances = new Dictionary<long, long>();
        var accounts = content.Rows.Count;
        for (var i = 0; i < content.Changes.Count; i++)
        {
            var change = content.Changes[i];
            balances[change.Key] = change.Amount;
            if (balances.Count < accounts || (i + 1 < content.Changes.Count && content.Changes[i + 1].Version == change.Version)) continue;
            if (balances.Values.Sum() != total) violations.Add("sum", $"after {change.Version} the accounts have {balances.Values.Sum()} together, and not {total}");
        }
    }

    /// <summary>What each account was, at any time.</summary>
    private sealed class States(IReadOnlyList<ChangeRecord> changes)
    {
        private readonly Dictionary<long, ChangeRecord[]> _byAccount = changes.GroupBy(c => c.Key).ToDictionary(g => g.Key, g => g.ToArray());

        public int Accounts => _byAccount.Count;

        /// <summary>Null: it was not there yet.</summary>
        public AccountRead? Before(long account, RowVersion version)
        {
            if (!_byAccount.TryGetValue(account, out var changes)) return null;
            var (low, high) = (0, changes.Length);
            while (low < high)
            {
                var middle = (low + high) / 2;
                if (changes[middle].Version < version) low = middle + 1;
                else high = middle;
            }

            return low == 0 ? null : new AccountRead(account, changes[low - 1].Amount, changes[low - 1].Mark);
        }
    }
}
