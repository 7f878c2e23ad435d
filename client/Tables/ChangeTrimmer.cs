using Delos.Protocol.Tables;
using Delos.Runtime;

namespace Delos.Tables;

/// <summary>Removes the oldest changes of a table once there are more, in number or bytes, than it keeps.</summary>
internal static class ChangeTrimmer
{
    public static bool IsDue(TableSchema schema, TableStats stats) => stats.Changes > 0 && (stats.Changes > MostChanges(schema) || stats.ChangeBytes > MostBytes(schema));

    /// <summary>The counters without those that were removed, at most <paramref name="most"/>.</summary>
    public static TableStats Trim(IStoreTransaction store, TableSchema schema, TableStats stats, int most)
    {
        if (!IsDue(schema, stats)) return stats;
        var removed = new List<byte[]>();

        // From where the last removal ended, so that nobody walks over what was removed. Of that command some may be left.
        using (var cursor = store.Scan(StoreSpace.Meta, StoreKeys.Change(schema.Id, stats.ChangesAfter, 0), KeyCodec.Successor(StoreKeys.Changes(schema.Id))))
        {
            while (removed.Count < most && IsDue(schema, stats) && cursor.MoveNext())
            {
                removed.Add(cursor.Key.ToArray());
                stats = stats with { Changes = stats.Changes - 1, ChangeBytes = stats.ChangeBytes - cursor.Key.Length - cursor.Value.Length, ChangesAfter = StoreKeys.VersionOfChange(cursor.Key) };
            }
        }

        foreach (var key in removed) store.Delete(StoreSpace.Meta, key);
        return stats;
    }

    private static long MostChanges(TableSchema schema) => schema.Settings.RetainedChanges == 0 ? TableLimits.DefaultRetainedChanges : schema.Settings.RetainedChanges;

    private static long MostBytes(TableSchema schema) => schema.Settings.RetainedChangeBytes == 0 ? TableLimits.DefaultRetainedChangeBytes : schema.Settings.RetainedChangeBytes;
}
