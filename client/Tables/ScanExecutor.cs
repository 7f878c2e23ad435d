using Delos.Protocol.Tables;
using Delos.Runtime;

namespace Delos.Tables;

/// <summary>One page of a scan of a primary key or an index.</summary>
internal static class ScanExecutor
{
    public static TableReply? Execute(IStoreReader store, SnapshotId snapshot, TableLayout layout, ScanRows scan, out QueryResult? result)
    {
        result = null;
        if (Bind(layout, scan, out var index, out var range, out var filters) is { } refusal) return refusal;
        if (Projection.Bind(layout, scan.Columns, out var projection) is { } badColumn) return badColumn;
        if (GoOn(layout, scan, ref range) is { } badToken) return badToken;
        var (limit, maxBytes) = (LimitOf(scan.Limit, TableLimits.RowsOfAnswer), LimitOf(scan.MaxBytes, TableLimits.AnswerBytes));
        var rows = new List<FoundRow?>();
        var (lastKey, lastLength) = (Array.Empty<byte>(), 0);
        var (bytes, examined, more) = (0L, 0, false);
        var components = index < 0 ? 0 : layout.IndexColumns(index).Length;
        using (var cursor = store.Scan(index < 0 ? StoreSpace.Data : StoreSpace.Index, range.From, range.To, scan.Reverse))
        {
            while (cursor.MoveNext())
            {
                more = rows.Count == limit || bytes >= maxBytes || examined == TableLimits.ExaminedRows;
                if (more) break;
                examined++;
                var key = cursor.Key;
                if (lastKey.Length < key.Length) lastKey = new byte[2 * key.Length];
                key.CopyTo(lastKey);
                lastLength = key.Length;
                var row = index < 0 ? StoredRow.Decode(layout, key[StoreKeys.PrefixSize..], cursor.Value) : Load(store, layout, key, components);
                if (!row.IsVisibleAt(snapshot.Time) || !Passes(filters, row)) continue;
                rows.Add(projection.Cut(row, out var size));
                bytes += size;
            }
        }

        lastKey = lastKey[..lastLength];
        var token = more ? new PageToken(layout.Schema.Id, range.IndexId, layout.Schema.Generation, snapshot, PageToken.HashOf(scan), lastKey).Encode() : [];
        result = new RowsResult(layout.Schema.Id, layout.Schema.Generation, projection.Names, rows, token, more ? Read(range, lastKey, scan.Reverse) : range);
        return null;
    }

    private static TableReply? Bind(TableLayout layout, ScanRows scan, out int index, out KeyRange range, out (int Ordinal, ColumnPredicate Predicate)[] filters)
    {
        index = -1;
        range = new KeyRange(0, [], []);
        filters = [];
        if (scan.Index is { } name)
        {
            if (layout.Schema.FindIndex(name) is not { } schema) return Refusals.UnknownIndex(layout.Schema, name);
            if (schema.State == IndexState.Building) return TableReply.Refused(TableStatus.IndexNotReady, $"index '{schema.Name}' of table '{layout.Schema.Name}' is still being built; wait, or use the primary key");
            if (schema.State == IndexState.Failed) return TableReply.Refused(TableStatus.IndexNotReady, $"index '{schema.Name}' of table '{layout.Schema.Name}' failed: {schema.Problem}; drop it, correct the rows, create it again");
            while (layout.Schema.Indexes[++index].Id != schema.Id)
            {
            }
        }

        if (scan.Limit < 0 || scan.MaxBytes < 0) return Refusals.Invalid("limits of a scan are not negative (0 stands for the greatest)");
        if (scan.Filters.Count > TableLimits.Predicates) return Refusals.TooLarge($"the scan has {scan.Filters.Count} filters, at most {TableLimits.Predicates} are possible");
        filters = new (int, ColumnPredicate)[scan.Filters.Count];
        for (var i = 0; i < filters.Length; i++)
        {
            if (RowBinder.BindPredicate(layout, scan.Filters[i], out var ordinal) is { } refusal) return refusal;
            filters[i] = (ordinal, scan.Filters[i]);
        }

        return KeyRanges.Bind(layout, index, scan.Bounds, out range);
    }

    /// <summary>Takes off the range what the pages before covered. That the token's snapshot is the one that is read was checked before.</summary>
    private static TableReply? GoOn(TableLayout layout, ScanRows scan, ref KeyRange range)
    {
        if (scan.Token is not { } bytes) return null;
        if (PageToken.Decode(bytes) is not { } token || token.TableId != layout.Schema.Id || token.IndexId != range.IndexId || token.Generation != layout.Schema.Generation || token.QueryHash != PageToken.HashOf(scan) || !range.Contains(token.LastKey))
            return TableReply.Refused(TableStatus.Malformed, "the paging token belongs to another query; repeat the query that it came from, with nothing changed but limits");
        range = scan.Reverse ? range with { To = token.LastKey } : range with { From = [.. token.LastKey, 0] };
        return null;
    }

    /// <summary>What of the range a page covers that ended with a key.</summary>
    private static KeyRange Read(KeyRange range, byte[] lastKey, bool reverse) => reverse ? range with { From = lastKey } : range with { To = [.. lastKey, 0] };

    private static StoredRow Load(IStoreReader store, TableLayout layout, ReadOnlySpan<byte> entry, int components)
    {
        var key = entry[StoreKeys.PrefixSize..];
        if (!KeyCodec.TrySkip(ref key, components)) throw new InvalidDataException($"An index entry of table '{layout.Schema.Name}' is damaged in the store.");
        var bytes = store.Get(StoreSpace.Data, StoreKeys.Row(layout.Schema.Id, key)) ?? throw new InvalidDataException($"An index of table '{layout.Schema.Name}' points to a row that is not there.");
        return StoredRow.Decode(layout, key, bytes);
    }

    private static bool Passes((int Ordinal, ColumnPredicate Predicate)[] filters, StoredRow row)
    {
        foreach (var (ordinal, predicate) in filters)
        {
            if (!predicate.Holds(row.Values[ordinal])) return false;
        }

        return true;
    }

    private static int LimitOf(int asked, int most) => asked == 0 ? most : Math.Min(asked, most);
}
