using Delos.Client;
using Delos.Client.Admin;
using Delos.Protocol.Chains;
using Delos.Protocol.Cluster;
using Delos.Protocol.Identity;

namespace Delos.Daemon.Commands;

/// <summary>What an operator sees of a cluster at one moment: nodes, chains, and which replicas lack something. Observed piece by piece, so a busy log may look a little behind.</summary>
internal sealed class ClusterView
{
    /// <summary>Positions that a healthy replica of a busy log may be behind when its node is asked a moment before the others.</summary>
    public const long NormalLag = 10_000;

    private ClusterView(IReadOnlyList<NodeView> nodes, IReadOnlyList<LogView> logs)
    {
        Nodes = nodes;
        Logs = logs;
    }

    public IReadOnlyList<NodeView> Nodes { get; }

    public IReadOnlyList<LogView> Logs { get; }

    public bool IsDegraded => Nodes.Any(n => !n.IsHealthy || n.Status?.Table is { State: not "applying" }) || Logs.Any(l => l.Replicas.Any(r => r.IsBehind));

    public static async ValueTask<ClusterView> ReadAsync(DelosClient client, CancellationToken cancellationToken)
    {
        var reports = await client.Admin.NodesAsync(cancellationToken).ConfigureAwait(false);
        var nodes = reports.OrderBy(r => r.NodeId).Select(NodeView.From).ToList();
        var logs = new List<LogView>();
        foreach (var name in (await client.Admin.ListLogsAsync(cancellationToken).ConfigureAwait(false)).Order(StringComparer.Ordinal))
        {
            logs.Add(LogView.From(name, await client.Admin.ChainAsync(name, cancellationToken).ConfigureAwait(false), nodes));
        }

        return new ClusterView(nodes, logs);
    }
}

/// <summary>One node and its own status document, if it answered.</summary>
internal sealed record NodeView(NodeReport Report, NodeStatusDocument? Status, string State)
{
    public bool IsHealthy => State == "up";

    public static NodeView From(NodeReport report)
    {
        if (report.StatusJson is not { } bytes) return new NodeView(report, null, "unreachable");
        if (!NodeStatusDocument.TryParse(bytes.Span, out var status)) return new NodeView(report, null, "unintelligible");
        if (status.DiskId != report.DiskId) return new NodeView(report, status, "other disk");
        if (status.Disk is { Failed: true }) return new NodeView(report, status, "disk failed");
        return new NodeView(report, status, status.Ready ? "up" : "starting");
    }
}

/// <summary>A log with the state of every replica of every segment.</summary>
internal sealed record LogView(string Name, Chain Chain, IReadOnlyList<ReplicaView> Replicas)
{
    /// <summary>The tail of the log, as far as its replicas have been told.</summary>
    public long TailSeen
    {
        get
        {
            var parts = Chain.Active.Parts;
            var tails = parts.Select(p => Replicas.FirstOrDefault(r => r.Loglet == p.Loglet.Id)?.WantedTail ?? 0).ToArray();
            return Chain.Active.Start + new StripeMath(parts.Count).Tail(tails);
        }
    }

    public static LogView From(string name, Chain chain, IReadOnlyList<NodeView> nodes)
    {
        var replicas = new List<ReplicaView>();
        foreach (var (segment, part) in chain.Segments.SelectMany(static s => s.Parts.Select(p => (s, p))))
        {
            var id = part.Loglet.Id.ToString();
            var found = part.Loglet.Replicas.Select(r => (Replica: r, Node: nodes.FirstOrDefault(n => n.Report.NodeId == r.NodeId && n.Status?.DiskId == r.DiskId)))
                .Select(f => (f.Replica, f.Node, Line: f.Node?.Status?.Loglets.FirstOrDefault(l => l.Id == id))).ToList();
            var wanted = part.Stop ?? found.Max(f => f.Line?.GlobalTail ?? 0);
            replicas.AddRange(found.Select(f => new ReplicaView(segment, part, f.Replica.NodeId, f.Node is not null, f.Line, wanted)));
        }

        return new LogView(name, chain, replicas);
    }
}

/// <summary>One replica: what it should hold and what it said.</summary>
/// <param name="Segment">Whose replica it is.</param>
/// <param name="Part">The Loglet, or the stripe.</param>
/// <param name="NodeId">Where it is.</param>
/// <param name="Answered">The node answered, and has the disk that the segment names.</param>
/// <param name="Line">What it said of the replica; null if nothing.</param>
/// <param name="WantedTail">First position of its Loglet that it need not hold.</param>
internal sealed record ReplicaView(Segment Segment, SegmentPart Part, uint NodeId, bool Answered, LogletStatusLine? Line, long WantedTail)
{
    public long Behind => Line is null ? WantedTail : Math.Max(0, WantedTail - Line.DurableTail);

    /// <summary>Holds less than it should: a sealed segment wants everything, the active one allows for what was on its way.</summary>
    public bool IsBehind => Line is { HasUnknown: true } || (Part.Stop is not null ? Behind > 0 : Line is null || Behind > ClusterView.NormalLag);

    public string State => this switch
    {
        { Answered: false } => "unreachable",
        { Line: null } => Part.Stop == 0 ? "empty" : "missing",
        { Line.HasUnknown: true } => "damaged",
        { IsBehind: true } => "behind",
        _ => Line.Sealed ? "sealed" : "open",
    };

    public LogletId Loglet => Part.Loglet.Id;

    public bool IsSequencer => NodeId == Part.Loglet.SequencerNode;
}
