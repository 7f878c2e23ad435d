using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Delos.Protocol.Cluster;

/// <summary>What a node says about itself to operators, the segment monitor and placement: the JSON of a NodeStatusReply frame. Fields may be added, never renamed.</summary>
/// <remarks>A brief document (NodeStatus.Brief) has the identity, the incarnation and <see cref="TableSequencers"/>; its other lists are empty and <see cref="Disk"/> is null.</remarks>
public sealed record NodeStatusDocument
{
    public required uint NodeId { get; init; }

    public required Guid DiskId { get; init; }

    public required Guid ClusterId { get; init; }

    /// <summary>Names of the roles that are on: sequencer, logserver, metastore, table.</summary>
    public required IReadOnlyList<string> Roles { get; init; }

    /// <summary>Drawn at this process's start; what a Loglet's config must name for this node to sequence it.</summary>
    public required ulong Incarnation { get; init; }

    public string Version { get; init; } = "";

    public double UptimeSeconds { get; init; }

    /// <summary>False until the node has recovered its disk and is in the node list: it may not be given new Loglets yet.</summary>
    public bool Ready { get; init; }

    /// <summary>Connections that the node accepted and that are open.</summary>
    public int Connections { get; init; }

    /// <summary>Of <see cref="Connections"/>, those from parts of the node's own process, without a socket: its table replica's, if there is one.</summary>
    public int InProcessConnections { get; init; }

    /// <summary>Nodes of the list that this node's segment monitor has no connection to, in order. Always empty without the role metastore.</summary>
    public IReadOnlyList<uint> Unreachable { get; init; } = [];

    public IReadOnlyList<LogletStatusLine> Loglets { get; init; } = [];

    public IReadOnlyList<SequencingStatusLine> Sequencing { get; init; } = [];

    public DiskStatus? Disk { get; init; }

    /// <summary>The replica of the tables; null without the role table.</summary>
    public TableStatusLine? Table { get; init; }

    /// <summary>The nodes that sequence the log of this node's tables, as far as it knows: whoever is served there saves messages. Empty without the role table, and while its replica does not apply what is in the log.</summary>
    public IReadOnlyList<uint> TableSequencers { get; init; } = [];

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, NodeStatusJson.Default.NodeStatusDocument);

    /// <summary>False if the bytes are not such a document.</summary>
    public static bool TryParse(ReadOnlySpan<byte> json, [NotNullWhen(true)] out NodeStatusDocument? document)
    {
        try
        {
            document = JsonSerializer.Deserialize(json, NodeStatusJson.Default.NodeStatusDocument);
            if (document is not null)
            {
                // A field that is not there is null, whatever its property is initialised with.
                document = document with { Version = document.Version ?? "", Unreachable = document.Unreachable ?? [], Loglets = document.Loglets ?? [], Sequencing = document.Sequencing ?? [], TableSequencers = document.TableSequencers ?? [] };
                if (document.IsWhole) return true;
            }
        }
        catch (JsonException)
        {
            // As if it were another document.
        }

        document = null;
        return false;
    }

    /// <summary>JSON's null stands nowhere where something must be; the serializer looks at properties only, not into lists.</summary>
    private bool IsWhole => Roles.All(r => r is not null) && Loglets.All(l => l is not null) && Sequencing.All(s => s is not null);
}

/// <summary>One Loglet replica on the node.</summary>
public sealed record LogletStatusLine
{
    /// <summary>32 hexadecimal digits.</summary>
    public required string Id { get; init; }

    public bool Sealed { get; init; }

    public bool Deleted { get; init; }

    public long DurableTail { get; init; }

    /// <summary>Highest global tail that the replica was told.</summary>
    public long GlobalTail { get; init; }

    public long TrimPoint { get; init; }

    /// <summary>Some positions are damaged here and wait for a copy from a peer.</summary>
    public bool HasUnknown { get; init; }

    public long Bytes { get; init; }
}

/// <summary>One Loglet that the node's sequencer orders.</summary>
public sealed record SequencingStatusLine
{
    /// <summary>32 hexadecimal digits.</summary>
    public required string Id { get; init; }

    public long NextPosition { get; init; }

    public long GlobalTail { get; init; }

    public long InFlightBytes { get; init; }

    public bool Sealed { get; init; }
}

/// <summary>The node's data disk, in bytes.</summary>
public sealed record DiskStatus
{
    public long FreeBytes { get; init; }

    public long TotalBytes { get; init; }

    /// <summary>The log met an I/O error: the node stops acknowledging and exits.</summary>
    public bool Failed { get; init; }
}

/// <summary>The replica of the tables on the node.</summary>
public sealed record TableStatusLine
{
    /// <summary>The log that the tables are in.</summary>
    public required string Log { get; init; }

    /// <summary>starting, applying, poisoned, diverged, failed, closed.</summary>
    public required string State { get; init; }

    /// <summary>Why it does not apply, and what to do; empty if it does.</summary>
    public required string Problem { get; init; }

    /// <summary>First log position not applied.</summary>
    public long Cursor { get; init; }

    /// <summary>Below it a crash loses nothing of the store.</summary>
    public long DurableCursor { get; init; }

    /// <summary>The cursor of the newest snapshot that it has written or seen; -1: none.</summary>
    public long Snapshot { get; init; } = -1;

    /// <summary>How far the log may be trimmed, as far as the reports of all replicas say.</summary>
    public long TrimPoint { get; init; }

    /// <summary>Of all that was applied, 16 hexadecimal digits: equal on all replicas with the same cursor.</summary>
    public string? Checksum { get; init; }

    /// <summary>Commands applied in the log's life.</summary>
    public long Commands { get; init; }

    /// <summary>Requests in hand.</summary>
    public int Requests { get; init; }

    /// <summary>Watches among them that wait for a change.</summary>
    public int Watches { get; init; }

    /// <summary>States held for scans and transactions.</summary>
    public int Views { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(NodeStatusDocument))]
internal sealed partial class NodeStatusJson : JsonSerializerContext;
