using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Protocol.Chains;

/// <summary>
/// The fixed configuration of one Loglet: complete before the chain that names it is installed, and never changed (DESIGN §3, segment config).
/// </summary>
/// <param name="Id">Random, never reused.</param>
/// <param name="Kind">Which implementation.</param>
/// <param name="SequencerNode">The node that orders; 0 for kinds without a sequencer of their own.</param>
/// <param name="Incarnation">Drawn by that node at its process start: one that restarted refuses to sequence this Loglet.</param>
/// <param name="Replicas">Where it is stored; 2f+1 of them. The order means nothing.</param>
/// <param name="Stripes">The Loglets of a striped one, in stripe order; else empty.</param>
public sealed record LogletConfig(
    LogletId Id,
    LogletKind Kind,
    uint SequencerNode,
    ulong Incarnation,
    IReadOnlyList<ReplicaId> Replicas,
    IReadOnlyList<LogletConfig> Stripes)
{
    /// <summary>Bounds what a forged config can make a reader allocate.</summary>
    public const int MaxReplicas = 64;

    public const int MaxStripes = 256;

    private const int FixedSize = LogletId.Size + LogletId.Size + 1 + 4 + 8 + 4 + 4;

    /// <summary>Loglets of one storage group share one log, and its commits, on each LogServer: its own id, or that of the striped Loglet whose stripes have the same LogServers.</summary>
    public LogletId StorageGroup { get; init; } = Id;

    /// <summary>A majority of the replicas.</summary>
    public int Quorum => Replicas.Count / 2 + 1;

    public static LogletConfig Native(LogletId id, uint sequencerNode, ulong incarnation, IReadOnlyList<ReplicaId> replicas) =>
        new(id, LogletKind.Native, sequencerNode, incarnation, replicas, []);

    /// <summary>Round robin over other Loglets.</summary>
    public static LogletConfig Striped(LogletId id, IReadOnlyList<LogletConfig> stripes) => new(id, LogletKind.Striped, 0, 0, [], stripes);

    /// <summary>The Loglets that have replicas and, if their kind does, a sequencer: this one, or its stripes.</summary>
    public IReadOnlyList<LogletConfig> Parts => Stripes.Count == 0 ? [this] : Stripes;

    /// <summary>The nodes that order, each once, in stripe order; none for kinds without a sequencer.</summary>
    public IReadOnlyList<uint> SequencerNodes => [.. Parts.Select(static p => p.SequencerNode).Where(static n => n != 0).Distinct()];

    /// <summary>The nodes that store, each once, in ascending order.</summary>
    public IReadOnlyList<uint> ReplicaNodes => [.. Parts.SelectMany(static p => p.Replicas).Select(static r => r.NodeId).Distinct().Order()];

    public int Size
    {
        get
        {
            var size = FixedSize + Replicas.Count * ReplicaId.Size;
            foreach (var stripe in Stripes) size += stripe.Size;
            return size;
        }
    }

    /// <summary>Bytes of a config made by that policy.</summary>
    public static int SizeOf(LogPolicy policy) => FixedSize + (policy.Kind == LogletKind.Striped ? policy.Stripes : 0) * FixedSize + policy.Stripes * policy.Replication * ReplicaId.Size;

    public bool HasReplica(uint nodeId, Guid diskId)
    {
        foreach (var replica in Replicas)
        {
            if (replica.NodeId == nodeId && replica.DiskId == diskId) return true;
        }

        foreach (var stripe in Stripes)
        {
            if (stripe.HasReplica(nodeId, diskId)) return true;
        }

        return false;
    }

    public void Write(ref MessageWriter writer)
    {
        writer.Loglet(Id);
        writer.Loglet(StorageGroup);
        writer.U8((byte)Kind);
        writer.U32(SequencerNode);
        writer.U64(Incarnation);
        writer.U32((uint)Replicas.Count);
        foreach (var replica in Replicas)
        {
            writer.U32(replica.NodeId);
            writer.Guid(replica.DiskId);
        }

        writer.U32((uint)Stripes.Count);
        foreach (var stripe in Stripes) stripe.Write(ref writer);
    }

    /// <summary>Null, and the reader failed, if the bytes are no config.</summary>
    public static LogletConfig? Read(ref MessageReader reader) => Read(ref reader, depth: 0);

    private static LogletConfig? Read(ref MessageReader reader, int depth)
    {
        var id = reader.Loglet();
        var group = reader.Loglet();
        var kind = (LogletKind)reader.U8();
        var sequencerNode = reader.U32();
        var incarnation = reader.U64();
        var replicas = new ReplicaId[Limit(ref reader, reader.Count(ReplicaId.Size), MaxReplicas)];
        for (var i = 0; i < replicas.Length; i++) replicas[i] = new ReplicaId(reader.U32(), reader.Guid());
        var stripes = new LogletConfig[Limit(ref reader, reader.Count(LogletId.Size), MaxStripes)];
        if (kind is < LogletKind.Native or > LogletKind.Memory || (depth > 2 && stripes.Length > 0)) reader.Fail();
        for (var i = 0; i < stripes.Length && !reader.Failed; i++)
        {
            if (Read(ref reader, depth + 1) is not { } stripe) return null;
            stripes[i] = stripe;
        }

        return reader.Failed ? null : new LogletConfig(id, kind, sequencerNode, incarnation, replicas, stripes) { StorageGroup = group };
    }

    private static int Limit(ref MessageReader reader, int count, int maximum)
    {
        if (count <= maximum) return count;
        reader.Fail();
        return 0;
    }

    public bool Equals(LogletConfig? other) =>
        other is not null && Id == other.Id && StorageGroup == other.StorageGroup && Kind == other.Kind && SequencerNode == other.SequencerNode && Incarnation == other.Incarnation
        && Replicas.SequenceEqual(other.Replicas) && Stripes.SequenceEqual(other.Stripes);

    public override int GetHashCode() => Id.GetHashCode();
}
