using System.Buffers.Binary;

namespace Delos.Runtime;

/// <summary>
/// The replicas that count, in the store: who reported and was not evicted since. From what they say follow how far the log may be trimmed (trap 24), which features all of them know, and whether this replica's state is theirs.
/// </summary>
internal sealed class ReplicaTable(ulong me)
{
    private const int ClaimsKept = 64;

    /// <summary>Whether another replica's last claim was what this one had there. Not in the store: it is this replica's view.</summary>
    private readonly SortedDictionary<ulong, bool> _agrees = [];

    public static List<ReplicaRecord> All(IStoreReader store)
    {
        var all = new List<ReplicaRecord>();
        using var cursor = store.Scan(StoreSpace.Runtime, RuntimeKeys.ReplicaPrefix, RuntimeKeys.After(RuntimeKeys.ReplicaPrefix));
        while (cursor.MoveNext()) all.Add(ReplicaRecord.Decode(cursor.Value));
        return all;
    }

    /// <summary>The newest position at which this store's checksum is known, for others to compare with; (-1, 0): none.</summary>
    public static (long At, ulong Checksum) NewestClaim(IStoreReader store)
    {
        using var cursor = store.Scan(StoreSpace.Runtime, RuntimeKeys.ClaimPrefix, RuntimeKeys.After(RuntimeKeys.ClaimPrefix), reverse: true);
        return cursor.MoveNext() ? ((long)RuntimeKeys.NumberOf(cursor.Key), BinaryPrimitives.ReadUInt64LittleEndian(cursor.Value)) : (-1, 0);
    }

    /// <summary>Every live replica is beyond it durably, and some snapshot is, too. 0: nothing may go.</summary>
    public static long TrimPoint(IStoreReader store)
    {
        var all = All(store);
        if (all.Count == 0) return 0;
        return Math.Max(0, Math.Min(all.Min(static r => r.Report.DurableCursor), all.Max(static r => r.Report.Snapshot)));
    }

    /// <summary>Takes a report.</summary>
    /// <param name="store">The checksummed transaction.</param>
    /// <param name="local">The same without a checksum: what it holds may differ among replicas, which is the point.</param>
    /// <param name="report">What the replica says.</param>
    /// <param name="position">Where it stands.</param>
    /// <param name="checksum">This replica's, in front of that position.</param>
    public void Apply(IStoreTransaction store, IStoreTransaction local, ReplicaReport report, long position, ulong checksum)
    {
        store.Put(StoreSpace.Runtime, RuntimeKeys.Replica(report.Replica), new ReplicaRecord(position, report).Encode());
        if (report.Replica != me && report.ClaimAt >= 0 && local.Get(StoreSpace.Runtime, RuntimeKeys.Claim(report.ClaimAt)) is { } mine)
            _agrees[report.Replica] = BinaryPrimitives.ReadUInt64LittleEndian(mine) == report.Claim;
        var claim = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(claim, checksum);
        local.Put(StoreSpace.Runtime, RuntimeKeys.Claim(position), claim);
        DropOldClaims(local);
    }

    /// <summary>False: it has reported since, or is gone already.</summary>
    public bool Evict(IStoreTransaction store, ulong replica, long reportedAt)
    {
        if (store.Get(StoreSpace.Runtime, RuntimeKeys.Replica(replica)) is not { } record || ReplicaRecord.Decode(record).ReportedAt != reportedAt) return false;
        store.Delete(StoreSpace.Runtime, RuntimeKeys.Replica(replica));
        _agrees.Remove(replica);
        return true;
    }

    /// <summary>At least half of the replicas that count say that this one's state is not theirs. With two of two nobody can say who is right, and both stop.</summary>
    public bool IsDiverged(IStoreReader store)
    {
        var disagreeing = _agrees.Count(static a => !a.Value);
        return disagreeing > 0 && disagreeing * 2 >= All(store).Count;
    }

    /// <summary>The replicas whose last claim was not what this one had there.</summary>
    public IReadOnlyList<ulong> Disagreeing => [.. _agrees.Where(static a => !a.Value).Select(static a => a.Key)];

    /// <summary>Null: all replicas know the feature up to that level. Else the names of those that do not.</summary>
    public static string? Lacking(IStoreReader store, string feature, int level)
    {
        var all = All(store);
        if (all.Count == 0) return "no replica has reported yet";
        var lacking = all.Where(r => !r.Report.Supports.Any(s => s.Key == feature && s.Value >= level)).Select(static r => r.Report.Name).ToList();
        return lacking.Count == 0 ? null : $"not known to: {string.Join(", ", lacking)}";
    }

    private static void DropOldClaims(IStoreTransaction local)
    {
        var keys = new List<byte[]>();
        using (var cursor = local.Scan(StoreSpace.Runtime, RuntimeKeys.ClaimPrefix, RuntimeKeys.After(RuntimeKeys.ClaimPrefix)))
        {
            while (cursor.MoveNext()) keys.Add(cursor.Key.ToArray());
        }

        foreach (var key in keys.SkipLast(ClaimsKept)) local.Delete(StoreSpace.Runtime, key);
    }
}
