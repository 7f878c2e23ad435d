using Delos.Protocol.Tables;
using Delos.Runtime;
using Delos.Tables;

namespace Delos.Tests.Tables;

/// <summary>Whether a store holds together: each row has its entries and each entry its row, counters are right, expiries match, and nothing lies about that belongs to nobody.</summary>
internal static class TableConsistency
{
    /// <summary>To be called when nothing is left to purge.</summary>
    public static void Check(TableBed bed)
    {
        using var snapshot = bed.Store.Snapshot();
        var catalog = new Catalog(snapshot, new SchemaCache());
        var (rows, entries, changes) = (new SortedSet<string>(), new SortedSet<string>(), 0L);
        foreach (var layout in catalog.All())
        {
            var stats = catalog.StatsOf(layout.Schema.Id);
            var (count, bytes) = (0L, 0L);
            using var cursor = snapshot.Scan(StoreSpace.Data, StoreKeys.Prefix(layout.Schema.Id), KeyCodec.Successor(StoreKeys.Prefix(layout.Schema.Id)));
            while (cursor.MoveNext())
            {
                var primaryKey = cursor.Key[StoreKeys.PrefixSize..].ToArray();
                var row = StoredRow.Decode(layout, primaryKey, cursor.Value);
                rows.Add(Convert.ToHexString(cursor.Key));
                count++;
                bytes += primaryKey.Length + cursor.Value.Length;
                Assert.That(layout.PrimaryKeyOf(row.Values), Is.EqualTo(primaryKey));
                for (var i = 0; i < layout.Schema.Indexes.Count; i++)
                {
                    if (layout.Schema.Indexes[i].State == IndexState.Ready) entries.Add(Convert.ToHexString(layout.EntryOf(i, row.Values, primaryKey).Key));
                }

                if (row.ExpiresAt == StoredRow.Never) continue;
                entries.Add(Convert.ToHexString(StoreKeys.ExpiryOf(layout.Schema.Id, row.ExpiresAt, primaryKey)));
                Assert.That(row.ExpiresAt, Is.GreaterThanOrEqualTo(stats.ExpiriesFrom));
            }

            Assert.That((stats.Rows, stats.Bytes), Is.EqualTo((count, bytes)), layout.Schema.Name);
            CheckChanges(snapshot, layout.Schema, stats);
            changes += CountPages(snapshot, layout.Schema);
        }

        Assert.That(Keys(snapshot, StoreSpace.Data), Is.EqualTo(rows), "rows");
        Assert.That(Keys(snapshot, StoreSpace.Index).Where(k => !IsBuilding(catalog, k)), Is.EqualTo(entries), "entries");
        Assert.That(Keys(snapshot, StoreSpace.Meta).LongCount(k => k.StartsWith("06", StringComparison.Ordinal)), Is.EqualTo(changes), "changes");
    }

    private static void CheckChanges(IStoreReader store, TableSchema schema, TableStats stats)
    {
        var (count, bytes) = (0L, 0L);
        using var cursor = store.Scan(StoreSpace.Meta, StoreKeys.Changes(schema.Id), KeyCodec.Successor(StoreKeys.Changes(schema.Id)));
        while (cursor.MoveNext())
        {
            bytes += cursor.Value.Length;
            var last = RowVersion.None;
            for (var page = new ChangePage.Reader(cursor.Key, cursor.Value); page.MoveNext(); count++)
            {
                if (last.IsNone) Assert.That(page.Version, Is.EqualTo(StoreKeys.FirstOfPage(cursor.Key)).And.GreaterThan(stats.ChangesAfter));
                Assert.That(page.Version, Is.GreaterThanOrEqualTo(last));
                Assert.That(BytesOf(ChangeRecord.Decode(page.Record)).SequenceEqual(page.Record));
                last = page.Version;
            }

            Assert.That(last.IsNone, Is.False, "a page without changes");
            Assert.That(stats.LastPage, Is.GreaterThanOrEqualTo(StoreKeys.FirstOfPage(cursor.Key)));
        }

        Assert.That((stats.Changes, stats.ChangeBytes), Is.EqualTo((count, bytes)), schema.Name);
    }

    private static ReadOnlySpan<byte> BytesOf(ChangeRecord change)
    {
        var bytes = new ByteBuilder();
        change.Write(bytes);
        return bytes.Written;
    }

    private static long CountPages(IStoreReader store, TableSchema schema)
    {
        var count = 0L;
        using var cursor = store.Scan(StoreSpace.Meta, StoreKeys.Changes(schema.Id), KeyCodec.Successor(StoreKeys.Changes(schema.Id)));
        while (cursor.MoveNext()) count++;
        return count;
    }

    private static bool IsBuilding(Catalog catalog, string key)
    {
        var id = Convert.ToUInt32(key[..8], 16);
        return catalog.All().Any(l => l.Schema.FindIndex(id) is { State: IndexState.Building });
    }

    private static List<string> Keys(IStoreReader store, StoreSpace space)
    {
        var keys = new List<string>();
        using var cursor = store.Scan(space, [], []);
        while (cursor.MoveNext()) keys.Add(Convert.ToHexString(cursor.Key));
        return keys;
    }
}
