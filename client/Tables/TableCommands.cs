using Delos.Protocol.Tables;
using Delos.Runtime;

namespace Delos.Tables;

/// <summary>Creates, alters and drops tables: each in one step that does not depend on how many rows there are.</summary>
internal static class TableCommands
{
    private static readonly byte[] s_names = [.. StoreKeys.TableId("")];

    public static TableReply Create(CommandScope scope, CreateTable command)
    {
        if (Check(scope, command) is { } refusal) return refusal;
        var id = scope.NewId();
        var columns = new Column[command.Columns.Count];
        for (var i = 0; i < columns.Length; i++) columns[i] = ColumnOf((ushort)(i + 1), command.Columns[i]);
        var schema = new TableSchema(id, command.Name, 1, columns, IdsOf(columns, command.PrimaryKey), [], command.Settings, (ushort)(columns.Length + 1), scope.Version);
        var indexes = new List<IndexSchema>();
        foreach (var index in command.Indexes) indexes.Add(new IndexSchema(scope.NewId(), index.Name, IdsOf(columns, index.Columns), index.Unique, IndexState.Ready));
        schema = schema with { Indexes = indexes };
        scope.PutSchema(schema);
        scope.Store.Put(StoreSpace.Meta, StoreKeys.TableId(schema.Name), StoreKeys.Prefix(id));
        scope.Store.Put(StoreSpace.Meta, StoreKeys.Stats(id), TableStats.Empty.Encode());
        return TableReply.Ok with { Schema = schema };
    }

    public static TableReply Drop(CommandScope scope, DropTable command)
    {
        if (scope.Catalog.Find(command.Name) is not { } layout) return Catalog.Unknown(command.Name);
        var schema = layout.Schema;
        scope.Store.Delete(StoreSpace.Meta, StoreKeys.TableId(schema.Name));
        scope.Store.Delete(StoreSpace.Meta, StoreKeys.Schema(schema.Id));
        scope.Store.Delete(StoreSpace.Meta, StoreKeys.Stats(schema.Id));
        List<(StoreSpace, byte[])> left = [(StoreSpace.Data, StoreKeys.Prefix(schema.Id)), (StoreSpace.Index, StoreKeys.Expiries(schema.Id)), (StoreSpace.Meta, StoreKeys.Changes(schema.Id))];
        foreach (var index in schema.Indexes)
        {
            scope.Store.Delete(StoreSpace.Meta, StoreKeys.Backfill(index.Id));
            left.Add((StoreSpace.Index, StoreKeys.Prefix(index.Id)));
        }

        PurgeJob.Add(scope, left.ToArray());
        return TableReply.Ok with { More = true };
    }

    public static TableReply Alter(CommandScope scope, AlterTable command)
    {
        if (scope.Catalog.Find(command.Name) is not { } layout) return Catalog.Unknown(command.Name);
        var schema = layout.Schema;
        foreach (var name in command.Drop)
        {
            if (schema.FindColumn(name) is not { } column) return Refusals.UnknownColumn(schema, name);
            if (UserOf(schema, column) is { } user) return TableReply.Refused(TableStatus.ColumnInUse, $"column '{column.Name}' belongs to {user}, and cannot be dropped");
            schema = schema with { Columns = [.. schema.Columns.Where(c => c.Id != column.Id)] };
        }

        foreach (var definition in command.Add)
        {
            if (SchemaChecks.CheckColumn(definition) is { } refusal) return refusal;
            if (schema.FindColumn(definition.Name) is not null) return TableReply.Refused(TableStatus.ColumnExists, $"table '{schema.Name}' has a column '{definition.Name}' already");
            if (!definition.Nullable && definition.Default.IsNull) return Refusals.Invalid($"rows that are there need a value of the new column '{definition.Name}': make it nullable or give it a default");
            if (schema.Columns.Count == TableLimits.Columns) return Refusals.TooLarge($"a table has at most {TableLimits.Columns} columns");
            if (schema.NextColumnId == ushort.MaxValue) return Refusals.TooLarge($"table '{schema.Name}' has used up its {ushort.MaxValue} column ids; copy it into a new table");
            schema = schema with { Columns = [.. schema.Columns, ColumnOf(schema.NextColumnId, definition)], NextColumnId = (ushort)(schema.NextColumnId + 1) };
        }

        if (command.Settings is { } settings)
        {
            if (SchemaChecks.CheckSettings(settings) is { } refusal) return refusal;
            schema = schema with { Settings = settings };
        }

        schema = schema with { Generation = schema.Generation + 1 };
        scope.PutSchema(schema);
        return TableReply.Ok with { Schema = schema };
    }

    private static TableReply? Check(CommandScope scope, CreateTable command)
    {
        if (SchemaChecks.CheckName("a table", command.Name) is { } badName) return badName;
        if (scope.Catalog.Find(command.Name) is not null) return TableReply.Refused(TableStatus.TableExists, $"there is a table '{command.Name}' already");
        if (CountTables(scope.Store) >= TableLimits.Tables) return Refusals.TooLarge($"there are {TableLimits.Tables} tables already, which is the most possible; drop one");
        if (command.Columns.Count is 0 or > TableLimits.Columns) return Refusals.Invalid($"a table has 1 to {TableLimits.Columns} columns, not {command.Columns.Count}");
        if (command.PrimaryKey.Count > TableLimits.KeyColumns) return Refusals.Invalid($"the primary key has 1 to {TableLimits.KeyColumns} columns, not {command.PrimaryKey.Count}");
        if (command.Indexes.Count > TableLimits.IndexesOfTable) return Refusals.TooLarge($"a table has at most {TableLimits.IndexesOfTable} indexes");
        for (var i = 0; i < command.Columns.Count; i++)
        {
            var column = command.Columns[i];
            if (SchemaChecks.CheckColumn(column) is { } refusal) return refusal;
            if (command.Columns.Take(i).Any(c => c.Name == column.Name)) return TableReply.Refused(TableStatus.ColumnExists, $"column '{column.Name}' is named twice");
            if (column.Nullable && command.PrimaryKey.Contains(column.Name)) return Refusals.Invalid($"column '{column.Name}' belongs to the primary key and cannot be nullable");
        }

        bool IsColumn(string name) => command.Columns.Any(c => c.Name == name);
        if (SchemaChecks.CheckKey("the primary key", command.PrimaryKey, IsColumn) is { } badKey) return badKey;
        for (var i = 0; i < command.Indexes.Count; i++)
        {
            var index = command.Indexes[i];
            if (SchemaChecks.CheckName("an index", index.Name) is { } refusal) return refusal;
            if (command.Indexes.Take(i).Any(x => x.Name == index.Name)) return TableReply.Refused(TableStatus.IndexExists, $"index '{index.Name}' is named twice");
            if (SchemaChecks.CheckKey($"index '{index.Name}'", index.Columns, IsColumn) is { } badIndex) return badIndex;
        }

        return SchemaChecks.CheckSettings(command.Settings);
    }

    private static int CountTables(IStoreReader store)
    {
        var count = 0;
        using var cursor = store.Scan(StoreSpace.Meta, s_names, KeyCodec.Successor(s_names));
        while (cursor.MoveNext()) count++;
        return count;
    }

    /// <summary>What the column belongs to; null: it can go.</summary>
    private static string? UserOf(TableSchema schema, Column column)
    {
        if (schema.IsKey(column.Id)) return "the primary key";
        foreach (var index in schema.Indexes)
        {
            if (index.Columns.Contains(column.Id)) return $"index '{index.Name}'; drop that first";
        }

        return null;
    }

    private static Column ColumnOf(ushort id, ColumnDefinition definition) => new(id, definition.Name, definition.Type, definition.Nullable, definition.Default);

    private static ushort[] IdsOf(Column[] columns, IReadOnlyList<string> names) => [.. names.Select(n => columns.First(c => c.Name == n).Id)];
}
