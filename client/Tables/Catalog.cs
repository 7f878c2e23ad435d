using System.Buffers.Binary;
using Delos.Protocol.Tables;
using Delos.Runtime;

namespace Delos.Tables;

/// <summary>Which tables there are, as a store has them.</summary>
internal sealed class Catalog(IStoreReader store, SchemaCache cache)
{
    /// <summary>Null: there is none of that name.</summary>
    public TableLayout? Find(string name) =>
        TableNames.IsValid(name) && store.Get(StoreSpace.Meta, StoreKeys.TableId(name)) is { } id ? Find(BinaryPrimitives.ReadUInt32BigEndian(id)) : null;

    /// <summary>Null: there is none any more.</summary>
    public TableLayout? Find(uint tableId) => store.Get(StoreSpace.Meta, StoreKeys.Schema(tableId)) is { } bytes ? cache.LayoutOf(tableId, bytes) : null;

    /// <summary>In the order of their ids.</summary>
    public List<TableLayout> All()
    {
        var layouts = new List<TableLayout>();
        using var cursor = store.Scan(StoreSpace.Meta, StoreKeys.Schemas, KeyCodec.Successor(StoreKeys.Schemas));
        while (cursor.MoveNext()) layouts.Add(cache.LayoutOf(BinaryPrimitives.ReadUInt32BigEndian(cursor.Key[1..]), cursor.Value.ToArray()));
        return layouts;
    }

    public TableStats StatsOf(uint tableId) => store.Get(StoreSpace.Meta, StoreKeys.Stats(tableId)) is { } bytes ? TableStats.Decode(bytes) : TableStats.Empty;

    /// <summary>The answer to a command about a table that is not there.</summary>
    public static TableReply Unknown(string table) => TableReply.Refused(TableStatus.UnknownTable, $"there is no table '{Refusals.Show(table)}'; create it, or list the tables for its name");
}
