using Delos.Protocol.Tables;
using Delos.Runtime;
using Delos.Tests.Histories;

namespace Delos.Tests.Simulation;

/// <summary>What applications were told, and by whom, for <see cref="TableHistoryChecker"/>: what a replica said whose state was found to be wrong is no evidence.</summary>
internal sealed class SimTableHistory(SimWorld world)
{
    private readonly List<(RegisterRecord Record, SimLineage By)> _registers = [];
    private readonly List<(TransferRecord Record, SimLineage SeenBy, SimLineage AnsweredBy)> _transfers = [];
    private readonly Dictionary<int, List<(ChangeRecord Change, SimLineage By)>> _watched = [];
    private readonly List<(Proposal Proposal, SimLineage One, SimLineage Other)> _twoAnswers = [];
    private long _ticks;

    public bool IsSetUp { get; set; }

    /// <summary>Orders what happens in one moment of virtual time.</summary>
    public long Tick() => ++_ticks;

    public void OnRegister(RegisterRecord record, SimLineage by)
    {
        world.Count(record.Deed switch { RegisterDeed.Read => "tables: register read", RegisterDeed.Written => "tables: register written", RegisterDeed.Refused => "tables: write refused", _ => "tables: outcome unknown" });
        _registers.Add((record, by));
    }

    /// <param name="record">The transfer.</param>
    /// <param name="seenBy">Of the replica that it read from.</param>
    /// <param name="answeredBy">Of the replica that answered.</param>
    public void OnTransfer(TransferRecord record, SimLineage seenBy, SimLineage answeredBy)
    {
        world.Count(record.IsCommitted switch { true => "tables: transfer committed", false => "tables: transfer refused", null => "tables: outcome unknown" });
        _transfers.Add((record, seenBy, answeredBy));
    }

    public void OnTwoAnswers(Proposal proposal, SimLineage one, SimLineage other) => _twoAnswers.Add((proposal, one, other));

    public void OnChanges(int watcher, ChangesResult changes, SimLineage by)
    {
        if (!_watched.TryGetValue(watcher, out var watched)) _watched[watcher] = watched = [];
        foreach (var change in TableContent.Of(changes))
        {
            world.Count("tables: change watched");
            watched.Add((change, by));
        }
    }

    /// <summary>Holds everything against what a replica has in the end.</summary>
    public void Check(SimRuntime replica)
    {
        using var snapshot = replica.Store.Opened.Snapshot();
        foreach (var (proposal, _, _) in _twoAnswers.Where(t => !t.One.IsWrong && !t.Other.IsWrong)) world.Violate($"command {proposal.Sequence} of session {proposal.Session} has two answers");
        var registers = Content(SimTableApp.Registers, replica, snapshot);
        foreach (var changes in registers.Changes.GroupBy(c => c.Key))
        {
            // Each write was upon the condition that the number was one less.
            if (!changes.Select(c => c.Amount).SequenceEqual(changes.Select((_, i) => (long)i))) world.Violate($"register {changes.Key} has the numbers {string.Join(' ', changes.Select(c => c.Amount))}");
        }

        var violations = TableHistoryChecker.Check(Evidence(), registers, Content(SimTableApp.Accounts, replica, snapshot), SimTableApp.AccountCount * SimTableApp.Balance);
        foreach (var violation in violations.Take(1)) world.Violate($"{violation}{(violations.Count > 1 ? $" (and {violations.Count - 1} more)" : "")}");
    }

    private TableHistory Evidence()
    {
        var history = new TableHistory();

        // Told by one that was wrong, it may have been so or not.
        foreach (var (record, by) in _registers)
        {
            if (!by.IsWrong) history.Registers.Add(record);
            else if (record.Deed != RegisterDeed.Read) history.Registers.Add(RegisterRecord.MayBeWritten(record.Register, record.Invoked, record.Mark));
        }

        foreach (var (record, seenBy, answeredBy) in _transfers)
        {
            var seen = seenBy.IsWrong ? record with { Seen = [] } : record;
            history.Transfers.Add(answeredBy.IsWrong ? seen with { Completed = null, IsCommitted = null, Version = null } : seen);
        }

        foreach (var (watcher, watched) in _watched) history.Watches.Add(new WatchRecord($"watcher {watcher}", true, [.. watched.TakeWhile(w => !w.By.IsWrong).Select(w => w.Change)], RowVersion.None));
        return history;
    }

    private static TableContent Content(string table, SimRuntime replica, IStoreReader snapshot)
    {
        var all = new List<ChangeRecord>();
        for (var (after, more) = (RowVersion.None, true); more;)
        {
            var changes = (ChangesResult)replica.Machine.Queries.Execute(snapshot, new ReadChanges(table, 0, after, KeyBounds.All)).Result!;
            all.AddRange(TableContent.Of(changes));
            (after, more) = (changes.Through, changes.More);
        }

        return new TableContent(table, all, [.. TableContent.Of((RowsResult)replica.Machine.Queries.Execute(snapshot, new ScanRows(table)).Result!)]);
    }
}
