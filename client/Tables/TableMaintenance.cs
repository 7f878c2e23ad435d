using Delos.Protocol.Tables;
using Delos.Runtime;

namespace Delos.Tables;

/// <summary>Tells which commands a replica should propose so that work which is done step by step goes on. That several replicas do it at once costs log entries and harms nothing.</summary>
/// <param name="cache">Schemas, to be shared with <see cref="TableStateMachine"/>.</param>
public sealed class TableMaintenance(SchemaCache cache)
{
    /// <summary>At most one <see cref="BackfillIndex"/> for each index that is being built, and at most one <see cref="Sweep"/>.</summary>
    /// <param name="store">The present state.</param>
    /// <param name="now">What the proposer's clock says, in microseconds since 1970-01-01 00:00 UTC: log time passes only with commands, and a sweep brings it on.</param>
    /// <param name="steps">Rows or keys for each command.</param>
    public IReadOnlyList<TableCommand> Due(IStoreReader store, long now, int steps)
    {
        var catalog = new Catalog(store, cache);
        var commands = new List<TableCommand>();
        var sweep = PurgeJob.First(store) is not null;
        foreach (var layout in catalog.All())
        {
            foreach (var index in layout.Schema.Indexes)
            {
                if (index.State == IndexState.Building) commands.Add(new BackfillIndex(layout.Schema.Id, index.Id, steps));
            }

            var stats = catalog.StatsOf(layout.Schema.Id);
            sweep = sweep || ChangeTrimmer.IsDue(store, layout.Schema, stats) || HasExpired(store, layout.Schema.Id, stats.ExpiriesFrom, now);
        }

        if (sweep) commands.Add(new Sweep(steps));
        return commands;
    }

    private static bool HasExpired(IStoreReader store, uint tableId, long from, long now)
    {
        using var cursor = store.Scan(StoreSpace.Index, StoreKeys.ExpiryOf(tableId, from, []), KeyCodec.Successor(StoreKeys.Expiries(tableId)));
        return cursor.MoveNext() && StoreKeys.TimeOfExpiry(cursor.Key) <= now;
    }
}
