using Delos.Protocol.Tables;
using Delos.Runtime;

namespace Delos.Tables;

/// <summary>
/// Builds an index over rows that were there before it, some with each command. Rows written meanwhile get their entries at once, wherever the backfill is; what it then meets again it finds in place. Two rows that
/// contradict uniqueness are noticed by whichever comes second: a write is refused, the backfill fails the index.
/// </summary>
internal static class IndexBackfill
{
    /// <summary>Rows held in memory at a time.</summary>
    private const int StepBytes = 4 << 20;

    public static TableReply Step(CommandScope scope, BackfillIndex command)
    {
        if (scope.Catalog.Find(command.TableId) is not { } layout) return TableReply.Refused(TableStatus.UnknownTable, "the table was dropped meanwhile");
        if (layout.Schema.FindIndex(command.IndexId) is not { } index) return TableReply.Refused(TableStatus.UnknownIndex, "the index was dropped meanwhile");
        if (index.State != IndexState.Building) return TableReply.Ok with { Schema = layout.Schema };
        var most = Math.Clamp(command.MaxRows, 1, TableLimits.StepRows);
        var (rows, next) = Take(scope.Store, layout.Schema.Id, index.Id, most);
        var writer = scope.WriterOf(layout);
        foreach (var (primaryKey, bytes) in rows)
        {
            if (AddEntry(scope, writer, index, primaryKey, StoredRow.Decode(layout, primaryKey, bytes)) is { } problem) return Fail(scope, layout.Schema, index, problem);
        }

        if (next.Length == 0) return End(scope, layout.Schema, index with { State = IndexState.Ready }, rows.Count);
        scope.Store.Put(StoreSpace.Meta, StoreKeys.Backfill(index.Id), next);
        return TableReply.Ok with { Done = rows.Count, More = true };
    }

    /// <summary>The next rows, and the stored key to go on from; empty: these were the last.</summary>
    private static (List<(byte[] PrimaryKey, byte[] Row)> Rows, byte[] Next) Take(IStoreReader store, uint tableId, uint indexId, int most)
    {
        var rows = new List<(byte[], byte[])>();
        var size = 0;
        var from = store.Get(StoreSpace.Meta, StoreKeys.Backfill(indexId)) ?? StoreKeys.Prefix(tableId);
        using var cursor = store.Scan(StoreSpace.Data, from, KeyCodec.Successor(StoreKeys.Prefix(tableId)));
        while (cursor.MoveNext())
        {
            if (rows.Count == most || size >= StepBytes) return (rows, cursor.Key.ToArray());
            rows.Add((cursor.Key[StoreKeys.PrefixSize..].ToArray(), cursor.Value.ToArray()));
            size += cursor.Value.Length;
        }

        return (rows, []);
    }

    /// <summary>Why the row cannot be in the index; null: it is.</summary>
    private static string? AddEntry(CommandScope scope, TableWriter writer, IndexSchema index, byte[] primaryKey, StoredRow row)
    {
        // A row may have been removed just now as an expired rival of one before it.
        if (writer.Load(primaryKey) is null) return null;
        if (!row.IsVisibleAt(scope.Time))
        {
            writer.Remove(primaryKey, row, ChangeKind.Expire);
            return null;
        }

        var layout = writer.Layout;
        var entry = layout.EntryOf(IndexOf(layout.Schema, index), row.Values, primaryKey);
        if (entry.Key.Length > TableLimits.IndexEntryBytes) return $"the entry of the row with key {Refusals.Show(layout.DecodeKey(primaryKey))} would have {entry.Key.Length} bytes, at most {TableLimits.IndexEntryBytes} are possible";
        if (index.Unique && writer.FindRival(entry, primaryKey) is { } rival)
            return $"the rows with keys {Refusals.Show(layout.DecodeKey(rival))} and {Refusals.Show(layout.DecodeKey(primaryKey))} have the same values";
        scope.Store.Put(StoreSpace.Index, entry.Key, []);
        return null;
    }

    private static TableReply Fail(CommandScope scope, TableSchema schema, IndexSchema index, string problem)
    {
        PurgeJob.Add(scope, (StoreSpace.Index, StoreKeys.Prefix(index.Id)));
        var reply = End(scope, schema, index with { State = IndexState.Failed, Problem = problem }, 0);
        return reply with { Status = TableStatus.UniqueViolation, Message = $"index '{index.Name}' of table '{schema.Name}' failed: {problem}; drop it, correct the rows, create it again" };
    }

    private static TableReply End(CommandScope scope, TableSchema schema, IndexSchema index, int done)
    {
        scope.Store.Delete(StoreSpace.Meta, StoreKeys.Backfill(index.Id));
        schema = schema with { Generation = schema.Generation + 1, Indexes = [.. schema.Indexes.Select(i => i.Id == index.Id ? index : i)] };
        scope.PutSchema(schema);
        return TableReply.Ok with { Schema = schema, Done = done };
    }

    private static int IndexOf(TableSchema schema, IndexSchema index)
    {
        for (var i = 0; i < schema.Indexes.Count; i++)
        {
            if (schema.Indexes[i].Id == index.Id) return i;
        }

        return -1;
    }
}
