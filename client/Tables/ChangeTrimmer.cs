using Delos.Protocol.Tables;
using Delos.Runtime;

namespace Delos.Tables;

/// <summary>
/// Removes the oldest pages of changes of a table down to what it keeps, once there are more than that, in number or bytes, by a little: one in <see cref="Slack"/>. So a walk over the oldest ones, which costs more than to remove some, comes only
/// now and then.
/// </summary>
internal static class ChangeTrimmer
{
    private const int Slack = 128;
    private const long MostSurplus = 512;

    /// <summary>Whether there are more than it keeps, by that little.</summary>
    public static bool HasSurplus(TableSchema schema, TableStats stats)
    {
        if (stats.Changes <= 0) return false;
        var (changes, bytes) = (MostChanges(schema), MostBytes(schema));
        return stats.Changes - changes > Math.Min(changes / Slack, MostSurplus) || stats.ChangeBytes - bytes > bytes / Slack;
    }

    /// <summary>Whether there are, and a page that can go.</summary>
    public static bool IsDue(IStoreReader store, TableSchema schema, TableStats stats)
    {
        if (!HasSurplus(schema, stats)) return false;
        using var pages = Pages(store, schema, stats);
        return pages.MoveNext() && CanGo(pages, schema, stats, out _);
    }

    /// <summary>The counters without those that were removed: at most <paramref name="most"/>, and the others of their page.</summary>
    public static TableStats Trim(IStoreTransaction store, TableSchema schema, TableStats stats, int most)
    {
        if (!HasSurplus(schema, stats)) return stats;
        var removed = new List<byte[]>();
        var least = stats.Changes - most;
        using (var pages = Pages(store, schema, stats))
        {
            while (stats.Changes > least && pages.MoveNext() && CanGo(pages, schema, stats, out var rest))
            {
                removed.Add(pages.Key.ToArray());
                stats = rest;
            }
        }

        foreach (var key in removed) store.Delete(StoreSpace.Meta, key);
        return stats;
    }

    /// <summary>How many changes a command removes besides those that it makes, at most: all that have gathered.</summary>
    public static int MostOfCommand => (int)MostSurplus + 16;

    /// <summary>From where the last removal ended, so that nobody walks over what was removed.</summary>
    private static IStoreCursor Pages(IStoreReader store, TableSchema schema, TableStats stats) =>
        store.Scan(StoreSpace.Meta, StoreKeys.ChangePage(schema.Id, stats.ChangesAfter), KeyCodec.Successor(StoreKeys.Changes(schema.Id)));

    /// <summary>A page that has changes to be kept stays, as long as there are not too many bytes.</summary>
    /// <param name="page">At the oldest one.</param>
    /// <param name="schema">Of its table.</param>
    /// <param name="stats">With it.</param>
    /// <param name="rest">Without it.</param>
    private static bool CanGo(IStoreCursor page, TableSchema schema, TableStats stats, out TableStats rest)
    {
        var (count, last) = ChangePage.Count(page.Key, page.Value);
        rest = stats with { Changes = stats.Changes - count, ChangeBytes = stats.ChangeBytes - page.Value.Length, ChangesAfter = last };
        if (rest.LastPage <= last) rest = rest with { LastPageBytes = ChangePage.Bytes };
        return rest.Changes >= MostChanges(schema) || stats.ChangeBytes > MostBytes(schema);
    }

    private static long MostChanges(TableSchema schema) => schema.Settings.RetainedChanges == 0 ? TableLimits.DefaultRetainedChanges : schema.Settings.RetainedChanges;

    private static long MostBytes(TableSchema schema) => schema.Settings.RetainedChangeBytes == 0 ? TableLimits.DefaultRetainedChangeBytes : schema.Settings.RetainedChangeBytes;
}
