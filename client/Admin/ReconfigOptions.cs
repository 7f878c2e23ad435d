using Delos.Protocol.Chains;

namespace Delos.Client.Admin;

/// <summary>What the new active segment should be like.</summary>
public sealed record ReconfigExtendOptions
{
    /// <summary>New policy of the log; null keeps the present one.</summary>
    public LogPolicy? Policy { get; init; }

    /// <summary>The node that shall sequence, all stripes if there are several; null: chosen.</summary>
    public uint? Sequencer { get; init; }

    /// <summary>The LogServers, by node id, exactly as many as the policy needs in all (<see cref="LogPolicy.LogServers"/>), a sharded one's shard by shard; null: chosen.</summary>
    public IReadOnlyList<uint>? Replicas { get; init; }

    /// <summary>Nodes that shall not be used if there are others.</summary>
    public IReadOnlyList<uint> Avoid { get; init; } = [];

    /// <summary>Act only on this chain version; null: on the newest.</summary>
    public ulong? ExpectedVersion { get; init; }

    /// <summary>For the chain's history, at most 200 characters.</summary>
    public string Reason { get; init; } = "operator";
}

/// <summary>Where the copy of a sealed segment goes, and what is different in it.</summary>
public sealed record ReconfigModifyOptions
{
    /// <summary>The LogServers, by node id; null: chosen.</summary>
    public IReadOnlyList<uint>? Replicas { get; init; }

    /// <summary>How many, if <see cref="Replicas"/> is null; null: as the log's policy.</summary>
    public int? Replication { get; init; }

    /// <summary>Nodes that shall not be used if there are others.</summary>
    public IReadOnlyList<uint> Avoid { get; init; } = [];

    /// <summary>Entries to be patched or deleted, by their positions in the log. Others stay as they are, bit by bit.</summary>
    public IReadOnlyDictionary<long, EntryEdit> Edits { get; init; } = new Dictionary<long, EntryEdit>();

    /// <summary>For the chain's history, at most 200 characters.</summary>
    public string Reason { get; init; } = "operator";
}
