using System.Buffers.Binary;

namespace Delos.Runtime;

/// <summary>
/// The replicas that count, in the store: who reported and was not evicted since. From what they say follow how far the log may be trimmed (trap 24), which features all of them know, and whether this replica's state is theirs.
/// </summary>
internal sealed class ReplicaTable(ulong me)
{
    private const int ClaimsKept = 64;

    /// <summary>In a tie nobody can say who is right: it counts only when it has lasted for so many claims of the other, in which the rest will have reported, too.</summary>
    private const int LastingTie = 3;

    /// <summary>How often in succession another replica's claim was not what this one had there; 0: it agrees. Not in the store: it is this replica's view.</summary>
    private readonly SortedDictionary<ulong, int> _disagrees = [];

    /// <summary>The highest position at which another replica's claim was what this one had there; -1: none yet.</summary>
    public long AgreedUpTo { get; private set; } = -1;

    /// <summary>The replicas whose last claim was not what this one had there.</summary>
    public IReadOnlyList<ulong> Disagreeing => [.. _disagrees.Where(static d => d.Value > 0).Select(static d => d.Key)];

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

    /// <summary>Every live replica is beyond it durably, and a snapshot that can be had is, too. 0: nothing may go.</summary>
    public static long TrimPoint(IStoreReader store)
    {
        var all = All(store);
        if (all.Count == 0) return 0;
        return Math.Max(0, Math.Min(all.Min(static r => r.Report.DurableCursor), Restorable(all)));
    }

    /// <summary>
    /// From there on somebody new can begin, though any one replica be lost: a snapshot where all reach it, or two replicas' own ones, since one of those may be gone without anybody knowing it yet, or wiped. One that is alone has nobody
    /// else's to wait for.
    /// </summary>
    private static long Restorable(List<ReplicaRecord> all)
    {
        var shared = all.Where(static r => r.Report.IsShared).Select(static r => r.Report.Snapshot).Append(-1).Max();
        var own = all.Where(static r => !r.Report.IsShared).Select(static r => r.Report.Snapshot).OrderDescending().ToList();
        var holders = Math.Min(2, all.Count);
        return own.Count < holders ? shared : Math.Max(shared, own[holders - 1]);
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
        if (report.Replica != me && report.ClaimAt >= 0 && local.Get(StoreSpace.Runtime, RuntimeKeys.Claim(report.ClaimAt)) is { } mine) Compare(report, BinaryPrimitives.ReadUInt64LittleEndian(mine));
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
        _disagrees.Remove(replica);
        return true;
    }

    /// <summary>
    /// Most of the replicas that count say that this one's state is not theirs; or half of them do, lastingly, and no other is left to ask: with two of two nobody can say who is right, and both stop.
    /// To be asked when a claim has just been compared; a replica that does not count itself has no verdict.
    /// </summary>
    public bool IsDiverged(IStoreReader store)
    {
        var all = All(store).ConvertAll(static r => r.Report.Replica);
        if (!all.Contains(me)) return false;
        var others = all.Where(r => r != me).ToList();
        var against = others.Count(r => _disagrees.GetValueOrDefault(r) > 0);
        if (against * 2 > all.Count) return true;
        var lasting = others.Count(r => _disagrees.GetValueOrDefault(r) >= LastingTie);
        return lasting > 0 && lasting * 2 >= all.Count && others.TrueForAll(_disagrees.ContainsKey);
    }

    /// <summary>Another store: what was compared with the former one says nothing of it.</summary>
    public void Forget()
    {
        _disagrees.Clear();
        AgreedUpTo = -1;
    }

    /// <summary>Null: all replicas know the feature up to that level. Else the names of those that do not.</summary>
    public static string? Lacking(IStoreReader store, string feature, int level)
    {
        var all = All(store);
        if (all.Count == 0) return "no replica has reported yet";
        var lacking = all.Where(r => !r.Report.Supports.Any(s => s.Key == feature && s.Value >= level)).Select(static r => r.Report.Name).ToList();
        return lacking.Count == 0 ? null : $"not known to: {string.Join(", ", lacking)}";
    }

    private void Compare(ReplicaReport report, ulong mine)
    {
        var agrees = mine == report.Claim;
        _disagrees[report.Replica] = agrees ? 0 : _disagrees.GetValueOrDefault(report.Replica) + 1;
        if (agrees) AgreedUpTo = Math.Max(AgreedUpTo, report.ClaimAt);
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
