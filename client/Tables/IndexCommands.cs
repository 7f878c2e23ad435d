using Delos.Protocol.Tables;
using Delos.Runtime;

namespace Delos.Tables;

/// <summary>Creates and drops indexes: each in one step that does not depend on how many rows there are. <see cref="IndexBackfill"/> does the rest.</summary>
internal static class IndexCommands
{
    public static TableReply Create(CommandScope scope, CreateIndex command)
    {
        if (scope.Catalog.Find(command.Table) is not { } layout) return Catalog.Unknown(command.Table);
        var (schema, definition) = (layout.Schema, command.Index);
        if (SchemaChecks.CheckName("an index", definition.Name) is { } badName) return badName;
        if (schema.FindIndex(definition.Name) is { } existing) return TableReply.Refused(TableStatus.IndexExists, $"table '{schema.Name}' has an index '{existing.Name}' already, in state {existing.State}; drop it first or choose another name");
        if (schema.Indexes.Count == TableLimits.IndexesOfTable) return Refusals.TooLarge($"a table has at most {TableLimits.IndexesOfTable} indexes; drop one");
        if (SchemaChecks.CheckKey($"index '{definition.Name}'", definition.Columns, n => schema.FindColumn(n) is not null) is { } badKey) return badKey;
        var hasRows = scope.Catalog.StatsOf(schema.Id).Rows > 0;
        var index = new IndexSchema(scope.NewId(), definition.Name, [.. definition.Columns.Select(n => schema.FindColumn(n)!.Id)], definition.Unique, hasRows ? IndexState.Building : IndexState.Ready);
        schema = schema with { Generation = schema.Generation + 1, Indexes = [.. schema.Indexes, index] };
        scope.PutSchema(schema);
        return TableReply.Ok with { Schema = schema, More = hasRows };
    }

    public static TableReply Drop(CommandScope scope, DropIndex command)
    {
        if (scope.Catalog.Find(command.Table) is not { } layout) return Catalog.Unknown(command.Table);
        var schema = layout.Schema;
        if (schema.FindIndex(command.Index) is not { } index) return Refusals.UnknownIndex(schema, command.Index);

        // What a failed one had is being removed since it failed.
        if (index.IsMaintained) PurgeJob.Add(scope, (StoreSpace.Index, StoreKeys.Prefix(index.Id)));
        scope.Store.Delete(StoreSpace.Meta, StoreKeys.Backfill(index.Id));
        schema = schema with { Generation = schema.Generation + 1, Indexes = [.. schema.Indexes.Where(i => i.Id != index.Id)] };
        scope.PutSchema(schema);
        return TableReply.Ok with { Schema = schema, More = index.IsMaintained };
    }
}
