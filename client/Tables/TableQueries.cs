using Delos.Protocol.Tables;
using Delos.Runtime;

namespace Delos.Tables;

/// <summary>Answers queries from a snapshot of a replica's store. Thread-safe.</summary>
/// <param name="cache">Schemas, to be shared with <see cref="TableStateMachine"/>.</param>
public sealed class TableQueries(SchemaCache cache)
{
    /// <summary>Whatever is asked, there is an answer.</summary>
    /// <param name="store">What to read. A query that names a snapshot is refused as <see cref="TableStatus.SnapshotExpired"/> unless this is it: whoever holds snapshots picks the one with that <see cref="TableClock"/>.</param>
    /// <param name="query">What to look for.</param>
    /// <exception cref="InvalidDataException">The store is damaged.</exception>
    public QueryReply Execute(IStoreReader store, TableQuery query)
    {
        var snapshot = TableClock.Read(store);
        var wanted = SnapshotOf(query, out var refusal);
        if (wanted is { } named && named != snapshot) refusal = Moved();
        QueryResult? result = null;
        refusal ??= Execute(new Catalog(store, cache), store, snapshot, query, out result);
        return refusal is null ? new QueryReply(TableStatus.Ok, "", snapshot, result) : new QueryReply(refusal.Status, refusal.Message, snapshot, null);
    }

    /// <summary>The same from and to bytes.</summary>
    public byte[] Execute(IStoreReader store, ReadOnlySpan<byte> query)
    {
        if (TableQueryCodec.Decode(query, out var status) is { } decoded) return QueryReplyCodec.Encode(Execute(store, decoded));
        var why = status == TableStatus.UnsupportedCommand ? "the query is of a later version than this replica; upgrade it, then ask again" : "the bytes are no query";
        return QueryReplyCodec.Encode(new QueryReply(status, why, TableClock.Read(store), null));
    }

    /// <summary>Which snapshot a query must be executed on: what it names, or what its paging token names; null: the present. A token that is none is refused when it is executed.</summary>
    public static SnapshotId? SnapshotOf(TableQuery query) => SnapshotOf(query, out _);

    private static SnapshotId? SnapshotOf(TableQuery query, out TableReply? refusal)
    {
        refusal = null;
        if (query is not ScanRows { Token: { } bytes }) return query.Snapshot;
        if (PageToken.Decode(bytes) is not { } token)
        {
            refusal = TableReply.Refused(TableStatus.Malformed, "the paging token is not as it was given out; begin the scan anew");
            return query.Snapshot;
        }

        if (query.Snapshot is { } named && named != token.Snapshot) refusal = Refusals.Invalid("query and paging token name different snapshots; leave the query's out");
        return token.Snapshot;
    }

    private static TableReply Moved() => TableReply.Refused(TableStatus.SnapshotExpired, "the snapshot that the query, its transaction or its paging token is bound to is not held any more; begin anew from the present");

    private static TableReply? Execute(Catalog catalog, IStoreReader store, SnapshotId snapshot, TableQuery query, out QueryResult? result)
    {
        result = null;
        switch (query)
        {
            case GetRows get:
                return catalog.Find(get.Table) is { } ofGet ? Get(store, snapshot, ofGet, get, out result) : Catalog.Unknown(get.Table);
            case ScanRows scan:
                return catalog.Find(scan.Table) is { } ofScan ? ScanExecutor.Execute(store, snapshot, ofScan, scan, out result) : Catalog.Unknown(scan.Table);
            case ReadChanges changes:
                if (catalog.Find(changes.Table) is not { } ofChanges || (changes.TableId != 0 && changes.TableId != ofChanges.Schema.Id)) return Catalog.Unknown(changes.Table);
                return ChangeReader.Execute(store, snapshot, ofChanges, catalog.StatsOf(ofChanges.Schema.Id), changes, out result);
            case DescribeTables { Table: { } name }:
                if (catalog.Find(name) is not { } described) return Catalog.Unknown(name);
                result = new TablesResult([Describe(catalog, described)]);
                return null;
            case DescribeTables:
                result = new TablesResult([.. catalog.All().Select(layout => Describe(catalog, layout))]);
                return null;
            default:
                return TableReply.Refused(TableStatus.UnsupportedCommand, "the query is unknown");
        }
    }

    private static TableDescription Describe(Catalog catalog, TableLayout layout)
    {
        var stats = catalog.StatsOf(layout.Schema.Id);
        return new TableDescription(layout.Schema, stats.Rows, stats.Bytes, stats.Changes, stats.ChangeBytes, stats.ChangesAfter);
    }

    private static TableReply? Get(IStoreReader store, SnapshotId snapshot, TableLayout layout, GetRows get, out QueryResult? result)
    {
        result = null;
        if (get.Keys.Count > TableLimits.ReadKeys) return Refusals.TooLarge($"{get.Keys.Count} rows are asked for, at most {TableLimits.ReadKeys} are possible; ask for them in several queries");
        if (Projection.Bind(layout, get.Columns, out var projection) is { } badColumn) return badColumn;
        var rows = new FoundRow?[get.Keys.Count];
        var bytes = 0L;
        for (var i = 0; i < rows.Length; i++)
        {
            if (RowBinder.BindKey(layout, get.Keys[i], out var primaryKey) is { } badKey) return badKey;
            if (store.Get(StoreSpace.Data, StoreKeys.Row(layout.Schema.Id, primaryKey)) is not { } stored) continue;
            var row = StoredRow.Decode(layout, primaryKey, stored);
            if (!row.IsVisibleAt(snapshot.Time)) continue;
            rows[i] = projection.Cut(row, out var size);
            bytes += size;
            if (bytes > TableLimits.AnswerBytes + TableLimits.RowBytes) return Refusals.TooLarge($"the rows asked for have more than {TableLimits.AnswerBytes} bytes; ask for them in several queries, or for fewer columns");
        }

        result = new RowsResult(layout.Schema.Id, layout.Schema.Generation, projection.Names, rows, [], null);
        return null;
    }
}
