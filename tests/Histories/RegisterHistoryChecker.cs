using Delos.Protocol.Tables;

namespace Delos.Tests.Histories;

/// <summary>
/// The registers of a <see cref="TableHistory"/>, one by one, by <see cref="LinearizabilityChecker"/>. The table's changes tell which write made which version, also those whose outcome nobody was told. So a register's versions
/// can be counted, and a write names the one that it replaced: the specification is that of conditional writes (<see cref="RegisterSpec"/>), which leaves the search no choice but in time.
/// </summary>
internal static class RegisterHistoryChecker
{
    public static void Check(TableHistory history, TableContent content, Violations violations)
    {
        var records = history.Registers.ToLookup(r => r.Register);
        var changes = content.Changes.ToLookup(c => c.Key);
        foreach (var unknown in records.Select(r => r.Key).Except(changes.Select(c => c.Key))) violations.Add("register", $"register {unknown} was used, and never was there");
        foreach (var register in changes) new Register(register.Key, [.. register], violations).Check([.. records[register.Key]]);
    }

    private sealed class Register
    {
        private readonly long _key;
        private readonly ChangeRecord[] _changes;
        private readonly Violations _violations;
        private readonly Dictionary<RowVersion, int> _counts = new() { [RowVersion.None] = 0 };
        private readonly Dictionary<long, int> _marks = [];

        public Register(long key, ChangeRecord[] changes, Violations violations)
        {
            _key = key;
            _changes = changes;
            _violations = violations;
            for (var i = 0; i < changes.Length; i++) _counts[changes[i].Version] = _marks[changes[i].Mark] = i + 1;
        }

        public void Check(RegisterRecord[] records)
        {
            var made = records.Where(r => r.Deed != RegisterDeed.Read).Select(r => r.Mark).ToHashSet();
            foreach (var change in _changes.Skip(1).Where(c => !made.Contains(c.Mark))) Add("from nowhere", $"has write {change.Mark} at {change.Version}, which nobody made");

            // Made before anything else; and seen once more in the end.
            var end = records.Select(r => r.Completed ?? r.Invoked).DefaultIfEmpty().Max() + 1;
            List<HistoryOperation<RegisterOperation>> operations =
            [
                new(long.MinValue, long.MinValue, RegisterOperation.Won(0, (ulong)_changes[0].Mark)),
                .. records.Select(r => Translate(r) is { } operation ? new HistoryOperation<RegisterOperation>(r.Invoked, r.Completed, operation) : null).OfType<HistoryOperation<RegisterOperation>>(),
                new(end, end, Read(_changes.Length)),
            ];
            var result = LinearizabilityChecker.Check(new RegisterSpec(), operations);
            if (result.IsLinearizable is null) Add("not judged", "has a history that is too large to be judged");
            else if (result.IsLinearizable is false) Add("not linearizable", $"has no place for {string.Join("; ", result.Unplaced.Take(3).Select(o => $"[{o.Invoked}, {o.Completed}] {o.Value}"))}");
        }

        /// <summary>Null: it had no effect, or none that could be told, and what is wrong with it has been said.</summary>
        private RegisterOperation? Translate(RegisterRecord record)
        {
            var count = _counts.GetValueOrDefault(record.Version, -1);
            var isThere = _marks.TryGetValue(record.Mark, out var written);
            switch (record.Deed)
            {
                case RegisterDeed.Read when count < 0:
                    Add("from nowhere", $"was read as {record.Mark} at {record.Version}, which was never written");
                    return null;
                case RegisterDeed.Read:
                    return RegisterOperation.Read((ulong)count, (ulong)record.Mark);
                case RegisterDeed.Written when !isThere || written != count:
                    Add("lost", $"has no write {record.Mark} at {record.Version}, which was answered so");
                    return null;
                case RegisterDeed.Written:
                    if (record.Expected is { } expected && expected != record.Former) Add("condition", $"was written by {record.Mark} in place of {record.Former}, though {expected} was the condition");
                    var former = _counts.GetValueOrDefault(record.Former, -1);
                    if (former != count - 1) Add("lost update", $"was written by {record.Mark} at {record.Version} in place of {record.Former}, as answered; but {_changes.ElementAtOrDefault(count - 2)} was in front of it");
                    return RegisterOperation.Won((ulong)count - 1, (ulong)record.Mark);
                case RegisterDeed.MayBeWritten:
                    return isThere ? RegisterOperation.Unknown((ulong)written - 1, (ulong)record.Mark) : null;
                default:
                    if (isThere) Add("refused", $"has write {record.Mark}, which was refused");
                    if (record.Deed == RegisterDeed.NotWritten) return null;
                    if (count >= 0 && record.Version != record.Expected) return RegisterOperation.Lost(record.Expected is { } wanted ? (ulong)_counts.GetValueOrDefault(wanted, int.MaxValue) : ulong.MaxValue, (ulong)record.Mark, (ulong)count, MarkOf(count));
                    Add("refused", $"refused write {record.Mark} for {record.Version}, which {(count < 0 ? "was never written" : "is what the condition asked for")}");
                    return null;
            }
        }

        private RegisterOperation Read(int count) => RegisterOperation.Read((ulong)count, MarkOf(count));

        private ulong MarkOf(int count) => count == 0 ? 0 : (ulong)_changes[count - 1].Mark;

        private void Add(string kind, string what) => _violations.Add(kind, $"register {_key} {what}");
    }
}
