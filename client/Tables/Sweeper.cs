using Delos.Protocol.Tables;
using Delos.Runtime;

namespace Delos.Tables;

/// <summary>Removes what nobody sees any more, some with each command: what was dropped, then rows that have expired, then changes beyond their retention.</summary>
internal static class Sweeper
{
    public static TableReply Step(CommandScope scope, Sweep command)
    {
        var most = Math.Clamp(command.MaxSteps, 1, TableLimits.StepRows);
        var done = 0;
        while (done < most && PurgeJob.First(scope.Store) is { } job) done += Purge(scope.Store, job, most - done);
        foreach (var layout in scope.Catalog.All())
        {
            if (done < most) done += RemoveExpired(scope, layout, most - done);
            if (done < most && ChangeTrimmer.IsDue(scope.Store, layout.Schema, scope.WriterOf(layout).Stats)) done += scope.WriterOf(layout).TrimChanges(most - done);
        }

        return TableReply.Ok with { Done = done, More = done >= most };
    }

    /// <summary>How many keys were removed; what is left of the job is stored.</summary>
    private static int Purge(IStoreTransaction store, PurgeJob job, int most)
    {
        var (space, from, to) = job.Ranges[0];
        var keys = new List<byte[]>();
        var more = false;
        using (var cursor = store.Scan(space, from, to))
        {
            while (cursor.MoveNext())
            {
                more = keys.Count == most;
                if (more) break;
                keys.Add(cursor.Key.ToArray());
            }
        }

        foreach (var key in keys) store.Delete(space, key);

        // From the last key on, so that nobody walks over what was removed.
        (job with { Ranges = more ? [(space, keys[^1], to), .. job.Ranges.Skip(1)] : [.. job.Ranges.Skip(1)] }).Write(store);
        return keys.Count;
    }

    private static int RemoveExpired(CommandScope scope, TableLayout layout, int most)
    {
        var tableId = layout.Schema.Id;
        var expired = new List<byte[]>();
        var seen = scope.Time;
        var from = scope.Catalog.StatsOf(tableId).ExpiriesFrom;
        using (var cursor = scope.Store.Scan(StoreSpace.Index, StoreKeys.ExpiryOf(tableId, from, []), StoreKeys.ExpiryOf(tableId, scope.Time + 1, [])))
        {
            while (cursor.MoveNext())
            {
                if (expired.Count == most)
                {
                    seen = StoreKeys.TimeOfExpiry(cursor.Key);
                    break;
                }

                expired.Add(StoreKeys.PrimaryKeyOfExpiry(cursor.Key).ToArray());
            }
        }

        if (expired.Count == 0) return 0;
        var writer = scope.WriterOf(layout);
        foreach (var primaryKey in expired)
        {
            var row = writer.Load(primaryKey) ?? throw new InvalidDataException($"An expiry of table '{layout.Schema.Name}' points to a row that is not there.");
            writer.Remove(primaryKey, row, ChangeKind.Expire);
        }

        writer.ExpiriesRemovedBelow(seen);
        return expired.Count;
    }
}
