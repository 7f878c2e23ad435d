using System.Diagnostics;
using System.Reflection;
using Delos.Protocol.Cluster;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Daemon.Node;

/// <summary>Answers NodeStatus with the node's status document.</summary>
internal sealed class NodeStatusReporter
{
    private static readonly string s_version =
        typeof(NodeStatusReporter).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";

    private readonly NodeStatusDocument _brief;
    private readonly string _dataDirectory;
    private readonly long _started = Stopwatch.GetTimestamp();
    private volatile bool _ready;
    private volatile bool _diskFailed;

    public NodeStatusReporter(NodeIdentity identity, NodeRoles roles, ulong incarnation, string dataDirectory)
    {
        _dataDirectory = dataDirectory;
        _brief = new NodeStatusDocument
        {
            NodeId = identity.NodeId,
            DiskId = identity.DiskId,
            ClusterId = identity.ClusterId,
            Roles = roles.ToString().ToLowerInvariant().Split(", "),
            Incarnation = incarnation,
            Version = s_version,
        };
    }

    /// <summary>Lists the replicas; set when the role is up.</summary>
    public Func<IReadOnlyList<LogletStatusLine>>? Loglets { get; set; }

    /// <summary>Lists what is sequenced here; set when the role is up.</summary>
    public Func<IReadOnlyList<SequencingStatusLine>>? Sequencing { get; set; }

    /// <summary>How many there are, and how many of them are from within the process.</summary>
    public Func<(int All, int InProcess)>? Connections { get; set; }

    /// <summary>Nodes that the monitor has no connection to; set when it runs.</summary>
    public Func<IReadOnlyList<uint>>? Unreachable { get; set; }

    /// <summary>What the replica of the tables does; set when the role is up.</summary>
    public Func<TableStatusLine>? Table { get; set; }

    /// <summary>Who sequences the log of the tables; set when the role is up.</summary>
    public Func<IReadOnlyList<uint>>? TableSequencers { get; set; }

    public void SetReady() => _ready = true;

    public void SetDiskFailed() => _diskFailed = true;

    public void OnFrame(Connection connection, in Frame frame)
    {
        if (!frame.TryRead<NodeStatus>(out var request))
        {
            connection.ReplyError(StatusCode.Malformed, "NodeStatus makes no sense", frame.CorrelationId);
            return;
        }

        connection.Reply(new NodeStatusReply(Document(request.Brief).ToJson()), frame.CorrelationId);
    }

    public NodeStatusDocument Document(bool brief)
    {
        var document = _brief with { UptimeSeconds = Math.Round(Stopwatch.GetElapsedTime(_started).TotalSeconds, 3), Ready = _ready, TableSequencers = TableSequencers?.Invoke() ?? [] };
        if (brief) return document;
        var connections = Connections?.Invoke() ?? default;
        var drive = new DriveInfo(_dataDirectory);
        return document with
        {
            Connections = connections.All,
            InProcessConnections = connections.InProcess,
            Unreachable = Unreachable?.Invoke() ?? [],
            Loglets = Loglets?.Invoke() ?? [],
            Sequencing = Sequencing?.Invoke() ?? [],
            Table = Table?.Invoke(),
            Disk = new DiskStatus { FreeBytes = drive.AvailableFreeSpace, TotalBytes = drive.TotalSize, Failed = _diskFailed },
        };
    }
}
