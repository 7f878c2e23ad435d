using Delos.Protocol.Tables;
using Delos.Runtime;

namespace Delos.Tables;

/// <summary>
/// Removes the oldest changes of a table down to what it keeps, once there are more than that, in number or bytes, by a little: one in <see cref="Slack"/>. So a walk over the oldest ones, which costs more than to remove some, comes only now and then.
/// </summary>
internal static class ChangeTrimmer
{
    private const int Slack = 128;
    private const long MostSurplus = 512;

    public static bool IsDue(TableSchema schema, TableStats stats) => IsAbove(schema, stats, Slack);

    /// <summary>The counters without those that were removed, at most <paramref name="most"/>.</summary>
    public static TableStats Trim(IStoreTransaction store, TableSchema schema, TableStats stats, int most)
    {
        if (!IsDue(schema, stats)) return stats;
        var removed = new List<byte[]>();

        // From where the last removal ended, so that nobody walks over what was removed. Of that command some may be left.
        using (var cursor = store.Scan(StoreSpace.Meta, StoreKeys.Change(schema.Id, stats.ChangesAfter, 0), KeyCodec.Successor(StoreKeys.Changes(schema.Id))))
        {
            while (removed.Count < most && IsAbove(schema, stats, 0) && cursor.MoveNext())
            {
                removed.Add(cursor.Key.ToArray());
                stats = stats with { Changes = stats.Changes - 1, ChangeBytes = stats.ChangeBytes - cursor.Key.Length - cursor.Value.Length, ChangesAfter = StoreKeys.VersionOfChange(cursor.Key) };
            }
        }

        foreach (var key in removed) store.Delete(StoreSpace.Meta, key);
        return stats;
    }

    /// <summary>How many changes a command removes besides those that it makes, at most: all that have gathered.</summary>
    public static int MostOfCommand => (int)MostSurplus + 16;

    /// <summary>Above what it keeps and, if there is slack, one in so many more.</summary>
    private static bool IsAbove(TableSchema schema, TableStats stats, int slack)
    {
        if (stats.Changes <= 0) return false;
        var (changes, bytes) = (MostChanges(schema), MostBytes(schema));
        return slack == 0 ? stats.Changes > changes || stats.ChangeBytes > bytes : stats.Changes - changes > Math.Min(changes / slack, MostSurplus) || stats.ChangeBytes - bytes > bytes / slack;
    }

    private static long MostChanges(TableSchema schema) => schema.Settings.RetainedChanges == 0 ? TableLimits.DefaultRetainedChanges : schema.Settings.RetainedChanges;

    private static long MostBytes(TableSchema schema) => schema.Settings.RetainedChangeBytes == 0 ? TableLimits.DefaultRetainedChangeBytes : schema.Settings.RetainedChangeBytes;
}
