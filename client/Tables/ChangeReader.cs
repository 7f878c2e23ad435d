using Delos.Protocol.Tables;
using Delos.Runtime;

namespace Delos.Tables;

/// <summary>What watchers get: the changes of a table, or of a range of its primary keys, from a position on, in order and without a gap.</summary>
internal static class ChangeReader
{
    public static TableReply? Execute(IStoreReader store, SnapshotId snapshot, TableLayout layout, TableStats stats, ReadChanges query, out QueryResult? result)
    {
        result = null;
        var schema = layout.Schema;
        if (query.MaxChanges < 0) return Refusals.Invalid("limits of a query are not negative (0 stands for the greatest)");
        if (KeyRanges.Bind(layout, -1, query.Bounds, out var range) is { } refusal) return refusal;

        // Who names no table but a position means the table that there was then: its changes are not among this one's.
        if (query.TableId == 0 && !query.After.IsNone && query.After < schema.Created)
            return TableReply.Refused(TableStatus.SnapshotExpired, $"table '{schema.Name}' was created at {schema.Created}, asked for are changes after {query.After}, when another table, or none, had that name; scan the table, then watch from the scan's snapshot on, or watch all that is kept (after none)");
        if (query.After < stats.ChangesAfter)
            return TableReply.Refused(TableStatus.SnapshotExpired, $"changes of table '{schema.Name}' are kept after {stats.ChangesAfter} only, asked for are those after {query.After}; scan the table, then watch from the scan's snapshot on, or raise retained_changes");
        var most = query.MaxChanges == 0 ? TableLimits.RowsOfAnswer : Math.Min(query.MaxChanges, TableLimits.RowsOfAnswer);
        Projection.Bind(layout, null, out var projection);
        var changes = new List<RowChange>();

        // A replica that lags behind the one which answered before has nothing yet, and no gap either.
        var through = query.After > snapshot.Version ? query.After : snapshot.Version;
        var (looked, bytes, more, last) = (0, 0L, false, query.After);
        using (var cursor = new ChangeCursor(store, schema.Id, query.After))
        {
            while (cursor.MoveNext())
            {
                var (version, change) = (cursor.Version, cursor.Change);
                more = version != last && (changes.Count >= most || bytes >= TableLimits.AnswerBytes || looked >= TableLimits.ExaminedRows);
                if (more) break;
                last = version;
                looked++;
                if (!range.Contains(StoreKeys.Row(schema.Id, change.PrimaryKey))) continue;
                changes.Add(Show(layout, projection, version, change, out var size));
                bytes += size;
            }
        }

        result = new ChangesResult(schema.Id, schema.Generation, projection.Names, changes, more ? last : through, more);
        return null;
    }

    private static RowChange Show(TableLayout layout, Projection projection, RowVersion version, ChangeRecord change, out int size)
    {
        var size0 = 64 + change.PrimaryKey.Length;
        var row = change.Row.Length == 0 ? null : projection.Cut(StoredRow.Decode(layout, change.PrimaryKey, change.Row), out size0);
        size = size0;
        return new RowChange(change.Kind, version, change.Time, layout.DecodeKey(change.PrimaryKey), row);
    }
}
