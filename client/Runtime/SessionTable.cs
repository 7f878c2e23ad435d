namespace Delos.Runtime;

/// <summary>The sessions, in the store: which commands were applied. What was answered is in <see cref="AnswerPage"/>s.</summary>
internal static class SessionTable
{
    /// <summary>A session named after its place in the log, which nothing else ever has.</summary>
    public static ulong Open(IStoreTransaction store, in CommandContext context)
    {
        var id = (((ulong)context.Position * ProposalBatch.MaxProposals) + (ulong)context.Index) + 1;
        Save(store, id, new SessionRecord(1, context.Time.ToUnixTimeMilliseconds(), 0));
        return id;
    }

    /// <summary>Null: there is none, or not any more.</summary>
    public static SessionRecord? Load(IStoreReader store, ulong id) => store.Get(StoreSpace.Runtime, RuntimeKeys.Session(id)) is { } record ? SessionRecord.Decode(record) : null;

    public static void Save(IStoreTransaction store, ulong id, in SessionRecord record)
    {
        Span<byte> bytes = stackalloc byte[SessionRecord.Size];
        record.Write(bytes);
        store.Put(StoreSpace.Runtime, RuntimeKeys.Session(id), bytes);
    }

    /// <summary>Ends sessions that were not used for long: looks at <paramref name="limit"/> of them, beginning behind <paramref name="after"/>; returns where it stopped.</summary>
    public static ulong Sweep(IStoreTransaction store, ulong after, int limit, long now)
    {
        var expired = new List<ulong>();
        var last = after;
        for (var looked = 0; looked < limit; looked++)
        {
            // At the end it begins anew.
            if ((NextAfter(store, last) ?? NextAfter(store, 0)) is not { } found) return 0;

            last = found.Id;
            if (found.UsedAt + (long)Session.Lifetime.TotalMilliseconds < now && !expired.Contains(found.Id)) expired.Add(found.Id);
        }

        foreach (var id in expired) Forget(store, RuntimeKeys.Session(id), RuntimeKeys.Session(id + 1));
        return last;
    }

    private static (ulong Id, long UsedAt)? NextAfter(IStoreTransaction store, ulong id)
    {
        using var cursor = store.Scan(StoreSpace.Runtime, RuntimeKeys.Session(id + 1), RuntimeKeys.After(RuntimeKeys.SessionPrefix));
        if (!cursor.MoveNext()) return null;
        return (RuntimeKeys.NumberOf(cursor.Key), SessionRecord.Decode(cursor.Value).UsedAt);
    }

    /// <summary>Deletes the keys of [from, to).</summary>
    private static void Forget(IStoreTransaction store, byte[] from, byte[] to)
    {
        var keys = new List<byte[]>();
        using (var cursor = store.Scan(StoreSpace.Runtime, from, to))
        {
            while (cursor.MoveNext()) keys.Add(cursor.Key.ToArray());
        }

        foreach (var key in keys) store.Delete(StoreSpace.Runtime, key);
    }
}
