using Delos.Protocol.Tables;
using Delos.Runtime;

namespace Delos.Tables;

/// <summary>
/// Tells whether an optimistic transaction would read now what it read at its snapshot. Rows: by their versions, which are never used twice. Ranges: by the changes since, and the rows that have expired since. So the
/// transaction is as if it had run alone at its place in the log.
/// </summary>
internal static class ReadValidator
{
    /// <summary>Null: it would.</summary>
    public static TableReply? Validate(CommandScope scope, ReadSet reads)
    {
        var (keys, ranges) = (0L, 0L);
        foreach (var table in reads.Tables)
        {
            keys += table.Keys.Count;
            ranges += table.Ranges.Count;
        }

        if (keys > TableLimits.ReadKeys) return Refusals.TooLarge($"the transaction read {keys} rows by key, at most {TableLimits.ReadKeys} are possible; split it");
        if (ranges > TableLimits.ReadRanges) return Refusals.TooLarge($"the transaction scanned {ranges} ranges, at most {TableLimits.ReadRanges} are possible; scan fewer and larger ones");
        if (reads.Snapshot.Version >= scope.Version || reads.Snapshot.Time > scope.Time) return Refusals.Invalid("the transaction names a snapshot that lies ahead of it in the log; take the one that its first answer named");
        foreach (var table in reads.Tables)
        {
            if (Validate(scope, reads.Snapshot, table) is { } refusal) return refusal;
        }

        return null;
    }

    private static TableReply? Validate(CommandScope scope, SnapshotId snapshot, TableReads reads)
    {
        if (scope.Catalog.Find(reads.TableId) is not { } layout || layout.Schema.Generation != reads.Generation) return Conflict("the schema of a table that it read has changed");
        foreach (var (key, seen) in reads.Keys)
        {
            if (RowBinder.BindKey(layout, key, out var primaryKey) is { } misfit) return misfit;
            var bytes = scope.Store.Get(StoreSpace.Data, StoreKeys.Row(layout.Schema.Id, primaryKey));
            var row = bytes is null ? null : StoredRow.Decode(layout, primaryKey, bytes);
            var version = row?.IsVisibleAt(scope.Time) == true ? row.Version : RowVersion.None;
            if (version != seen) return Conflict($"the row with key {Refusals.Show(key)} of table '{layout.Schema.Name}' has version {version}, it had {seen}");
        }

        return reads.Ranges.Count == 0 ? null : ValidateRanges(scope, snapshot, layout, reads.Ranges);
    }

    private static TableReply? ValidateRanges(CommandScope scope, SnapshotId snapshot, TableLayout layout, IReadOnlyList<KeyRange> ranges)
    {
        var schema = layout.Schema;
        if (snapshot.Version < scope.Catalog.StatsOf(schema.Id).ChangesAfter) return Expired(schema);
        var (looked, byIndex) = (0, ranges.Any(r => r.IndexId != 0));
        using (var cursor = new ChangeCursor(scope.Store, schema.Id, snapshot.Version))
        {
            while (cursor.MoveNext())
            {
                if (++looked > TableLimits.ValidatedChanges) return Expired(schema);
                var change = cursor.Change;
                var row = !byIndex || change.Row.Length == 0 ? null : StoredRow.Decode(layout, change.PrimaryKey, change.Row);
                if (Touches(layout, ranges, change.PrimaryKey, row, change.FormerEntries)) return Phantom(schema);
            }
        }

        // What has expired and was not removed yet left no change.
        using var expiries = scope.Store.Scan(StoreSpace.Index, StoreKeys.ExpiryOf(schema.Id, snapshot.Time == long.MaxValue ? snapshot.Time : snapshot.Time + 1, []), StoreKeys.ExpiryOf(schema.Id, scope.Time + 1, []));
        while (expiries.MoveNext())
        {
            if (++looked > TableLimits.ValidatedChanges) return Expired(schema);
            var primaryKey = StoreKeys.PrimaryKeyOfExpiry(expiries.Key).ToArray();
            if (Touches(layout, ranges, primaryKey, byIndex ? Load(scope.Store, layout, primaryKey) : null, [])) return Phantom(schema);
        }

        return null;
    }

    private static StoredRow Load(IStoreReader store, TableLayout layout, byte[] primaryKey)
    {
        var bytes = store.Get(StoreSpace.Data, StoreKeys.Row(layout.Schema.Id, primaryKey)) ?? throw new InvalidDataException($"An expiry of table '{layout.Schema.Name}' points to a row that is not there.");
        return StoredRow.Decode(layout, primaryKey, bytes);
    }

    /// <summary>Whether a row with that key, or one of its present or former index entries, lies in one of the ranges.</summary>
    private static bool Touches(TableLayout layout, IReadOnlyList<KeyRange> ranges, byte[] primaryKey, StoredRow? row, IReadOnlyList<byte[]> formerEntries)
    {
        byte[]? rowKey = null;
        foreach (var range in ranges)
        {
            if (range.IndexId == 0)
            {
                if (range.Contains(rowKey ??= StoreKeys.Row(layout.Schema.Id, primaryKey))) return true;
                continue;
            }

            if (row is not null && Touches(layout, range, primaryKey, row)) return true;
            foreach (var entry in formerEntries)
            {
                // Entries of other indexes begin with other ids: the range has none of them.
                if (range.Contains(entry)) return true;
            }
        }

        return false;
    }

    private static bool Touches(TableLayout layout, KeyRange range, byte[] primaryKey, StoredRow row)
    {
        for (var i = 0; i < layout.Schema.Indexes.Count; i++)
        {
            if (layout.Schema.Indexes[i].Id == range.IndexId) return range.Contains(layout.EntryOf(i, row.Values, primaryKey).Key);
        }

        return true;
    }

    private static TableReply Conflict(string why) => TableReply.Refused(TableStatus.Conflict, $"{why}; run the transaction again");

    private static TableReply Phantom(TableSchema schema) => Conflict($"a range of table '{schema.Name}' that it scanned has changed since its snapshot");

    private static TableReply Expired(TableSchema schema) =>
        TableReply.Refused(TableStatus.SnapshotExpired, $"more has changed in table '{schema.Name}' since the transaction's snapshot than is kept or looked at; run it again, faster, or raise retained_changes");
}
