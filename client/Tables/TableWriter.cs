using Delos.Protocol.Tables;
using Delos.Runtime;

namespace Delos.Tables;

/// <summary>
/// Writes rows of one table, for the commands of one entry. A row, its entries in all indexes that are kept up, its expiry, its change record and the table's counters change together here and nowhere else; the latter two are in the store when
/// the entry is complete.
/// </summary>
internal sealed class TableWriter
{
    private readonly CommandScope _scope;
    private readonly ChangeWriter _changes;

    // As in the store, as before the command, and now.
    private readonly TableStats _stored;
    private TableStats _before;
    private TableStats _stats;

    public TableWriter(CommandScope scope, TableLayout layout)
    {
        _scope = scope;
        Layout = layout;
        _stored = _before = _stats = scope.Catalog.StatsOf(layout.Schema.Id);
        _changes = new ChangeWriter(scope.Store, layout.Schema.Id);
    }

    public TableLayout Layout { get; }

    public TableSchema Schema => Layout.Schema;

    public TableStats Stats => _stats;

    /// <summary>Of the changes that this command made, with the rows as they became.</summary>
    public long ChangedBytes => _changes.Bytes;

    /// <summary>The row as stored, whether it has expired or not; null: there is none.</summary>
    public StoredRow? Load(byte[] primaryKey) =>
        _scope.Store.Get(StoreSpace.Data, StoreKeys.Row(Schema.Id, primaryKey)) is { } bytes ? StoredRow.Of(Layout, primaryKey, bytes) : null;

    /// <summary>Writes a row in place of the one that is there, or of none. Null: done; else why not, and nothing was changed but that expired rows may be gone.</summary>
    public TableReply? Put(byte[] primaryKey, StoredRow? former, CellValue[] values, long expiresAt)
    {
        var row = StoredRow.Encode(Layout, _scope.Version, expiresAt, values);
        if (primaryKey.Length + row.Length > Schema.Settings.RowBytesLimit)
            return Refusals.TooLarge($"the row has {primaryKey.Length + row.Length} bytes, a row of table '{Schema.Name}' at most {Schema.Settings.RowBytesLimit}; split it, or raise max_row_bytes");
        var entries = EntriesOf(values, primaryKey);
        var formerEntries = EntriesOf(former, primaryKey);
        if (CheckEntries(entries, formerEntries, primaryKey) is { } refusal) return refusal;
        var left = RemoveEntries(formerEntries, entries);
        foreach (var entry in entries)
        {
            if (entry.Key is not null && !Contains(formerEntries, entry.Key)) _scope.Store.Put(StoreSpace.Index, entry.Key, []);
        }

        // Of an index that is being built, the former row may have had no entry yet; it has one from now on.
        for (var i = 0; i < entries.Length; i++)
        {
            if (Schema.Indexes[i].State == IndexState.Building) _scope.Store.Put(StoreSpace.Index, entries[i].Key, []);
        }

        SetExpiry(primaryKey, former?.ExpiresAt ?? StoredRow.Never, expiresAt);
        _scope.Store.Put(StoreSpace.Data, StoreKeys.Row(Schema.Id, primaryKey), row);
        Count(former is null ? 1 : 0, primaryKey.Length + row.Length - (former?.Size ?? 0));
        AddChange(new ChangeRecord(ChangeKind.Put, _scope.Time, primaryKey, row, left));
        return null;
    }

    public void Remove(byte[] primaryKey, StoredRow former, ChangeKind kind)
    {
        var left = RemoveEntries(EntriesOf(former, primaryKey), []);
        SetExpiry(primaryKey, former.ExpiresAt, StoredRow.Never);
        _scope.Store.Delete(StoreSpace.Data, StoreKeys.Row(Schema.Id, primaryKey));
        Count(-1, -former.Size);
        AddChange(new ChangeRecord(kind, _scope.Time, primaryKey, [], left));
    }

    /// <summary>Another row, not expired, that has the same values in the unique index: its primary key; null: there is none. Expired ones that are in the way are removed.</summary>
    public byte[]? FindRival(in IndexEntry entry, byte[] primaryKey)
    {
        if (entry.HasNull) return null;
        var found = new List<byte[]>();
        using (var cursor = _scope.Store.Scan(StoreSpace.Index, entry.Prefix, KeyCodec.Successor(entry.Prefix)))
        {
            while (cursor.MoveNext())
            {
                var key = cursor.Key[entry.PrefixLength..];
                if (!key.SequenceEqual(primaryKey)) found.Add(key.ToArray());
            }
        }

        foreach (var key in found)
        {
            var row = Load(key) ?? throw new InvalidDataException($"An index of table '{Schema.Name}' points to a row that is not there.");
            if (row.IsVisibleAt(_scope.Time)) return key;
            Remove(key, row, ChangeKind.Expire);
        }

        return null;
    }

    /// <summary>Why the table has become too large by this command; null: it has not, or not by this one.</summary>
    public TableReply? CheckQuota()
    {
        var (maxRows, maxBytes) = (Schema.Settings.MaxRows, Schema.Settings.MaxBytes);
        if (maxRows > 0 && _stats.Rows > maxRows && _stats.Rows > _before.Rows)
            return TableReply.Refused(TableStatus.QuotaExceeded, $"table '{Schema.Name}' would have {_stats.Rows} rows, its quota is {maxRows}; delete rows or raise max_rows");
        if (maxBytes > 0 && _stats.Bytes > maxBytes && _stats.Bytes > _before.Bytes)
            return TableReply.Refused(TableStatus.QuotaExceeded, $"table '{Schema.Name}' would have {_stats.Bytes} bytes, its quota is {maxBytes}; delete rows or raise max_bytes");
        return null;
    }

    /// <summary>Removes changes beyond the table's retention, oldest first, at most so many; how many there were.</summary>
    public int TrimChanges(int most)
    {
        if (!ChangeTrimmer.HasSurplus(Schema, _stats)) return 0;
        _changes.WriteKept(_stats.LastPage);
        var trimmed = ChangeTrimmer.Trim(_scope.Store, Schema, _stats, most);
        var removed = (int)(_stats.Changes - trimmed.Changes);
        _stats = trimmed;
        return removed;
    }

    /// <summary>No expiry is left below this time.</summary>
    public void ExpiriesRemovedBelow(long time) => _stats = _stats with { ExpiriesFrom = Math.Max(_stats.ExpiriesFrom, time) };

    /// <summary>Another command follows, which may be refused.</summary>
    public void Begin() => _before = _stats;

    /// <summary>Of the command nothing is counted.</summary>
    public void Forget()
    {
        _stats = _before;
        _changes.Forget();
    }

    /// <summary>The command is applied. Its changes make room for themselves, and a little more, so that a retention that was lowered is reached.</summary>
    public void Finish()
    {
        var count = _changes.Count;
        if (count == 0) return;
        _stats = _changes.Keep(_stats, _scope.Version);
        TrimChanges((2 * count) + ChangeTrimmer.MostOfCommand);
    }

    /// <summary>Writes what was kept back: the newest page of changes, and the counters.</summary>
    public void WriteKept()
    {
        _changes.WriteKept(_stats.LastPage);
        if (_stats != _stored) _scope.Store.Put(StoreSpace.Meta, StoreKeys.Stats(Schema.Id), _stats.Encode());
    }

    /// <summary>Its values are not looked at if there is no index.</summary>
    private IndexEntry[] EntriesOf(StoredRow? row, byte[] primaryKey) => row is null || Schema.Indexes.Count == 0 ? [] : EntriesOf(row.Values, primaryKey);

    private IndexEntry[] EntriesOf(CellValue[] values, byte[] primaryKey)
    {
        if (Schema.Indexes.Count == 0) return [];
        var entries = new IndexEntry[Schema.Indexes.Count];
        for (var i = 0; i < entries.Length; i++)
        {
            if (Schema.Indexes[i].IsMaintained) entries[i] = Layout.EntryOf(i, values, primaryKey);
        }

        return entries;
    }

    private TableReply? CheckEntries(IndexEntry[] entries, IndexEntry[] former, byte[] primaryKey)
    {
        for (var i = 0; i < entries.Length; i++)
        {
            var (entry, index) = (entries[i], Schema.Indexes[i]);
            if (entry.Key is null) continue;
            if (entry.Key.Length > TableLimits.IndexEntryBytes)
                return Refusals.TooLarge($"the row's entry in index '{index.Name}' has {entry.Key.Length} bytes, at most {TableLimits.IndexEntryBytes} are possible; shorten the indexed values or drop the index");

            // An entry that is there already has no rival, or it would not be.
            if (index.State == IndexState.Ready && Contains(former, entry.Key)) continue;
            if (index.Unique && FindRival(entry, primaryKey) is { } rival)
                return TableReply.Refused(TableStatus.UniqueViolation, $"the row with key {Refusals.Show(Layout.DecodeKey(rival))} has the same values in unique index '{index.Name}' of table '{Schema.Name}'");
        }

        return null;
    }

    /// <summary>Removes entries that are not among those that stay; their keys.</summary>
    private IReadOnlyList<byte[]> RemoveEntries(IndexEntry[] former, IndexEntry[] staying)
    {
        if (former.Length == 0) return [];
        var left = new List<byte[]>();
        foreach (var entry in former)
        {
            if (entry.Key is null || Contains(staying, entry.Key)) continue;
            _scope.Store.Delete(StoreSpace.Index, entry.Key);
            left.Add(entry.Key);
        }

        return left;
    }

    private void SetExpiry(byte[] primaryKey, long former, long expiresAt)
    {
        if (former == expiresAt) return;
        if (former != StoredRow.Never) _scope.Store.Delete(StoreSpace.Index, StoreKeys.ExpiryOf(Schema.Id, former, primaryKey));
        if (expiresAt == StoredRow.Never) return;
        _scope.Store.Put(StoreSpace.Index, StoreKeys.ExpiryOf(Schema.Id, expiresAt, primaryKey), []);
        if (expiresAt < _stats.ExpiriesFrom) _stats = _stats with { ExpiriesFrom = expiresAt };
    }

    private void Count(long rows, long bytes) => _stats = _stats with { Rows = _stats.Rows + rows, Bytes = _stats.Bytes + bytes };

    private void AddChange(ChangeRecord change) =>
        _stats = _stats with { Changes = _stats.Changes + 1, ChangeBytes = _stats.ChangeBytes + _changes.Add(_scope.Version.Index, change) };

    private static bool Contains(IndexEntry[] entries, byte[] key)
    {
        foreach (var entry in entries)
        {
            if (entry.Key is not null && entry.Key.AsSpan().SequenceEqual(key)) return true;
        }

        return false;
    }
}
