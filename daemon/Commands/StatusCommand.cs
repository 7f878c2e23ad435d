using System.CommandLine;
using Delos.Protocol.Identity;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd status</c></summary>
internal static class StatusCommand
{
    public static Command Create() => new Command("status",
        """
        Shows nodes, logs and replicas that lack something. Exit code 0: all is well, 3: degraded, 4: the cluster does not answer.

        Examples:
          delosd status
          delosd status -o json | jq .degraded
        """).WithCluster().Does(async context =>
        {
            await using var client = context.Connect();
            var view = await context.WithinTimeoutAsync(token => ClusterView.ReadAsync(client, token)).ConfigureAwait(false);
            if (context.Output.IsJson) PrintJson(context.Output, view);
            else PrintTables(context.Output, view);
            return view.IsDegraded ? ExitCode.Degraded : ExitCode.Ok;
        });

    private static void PrintTables(Output output, ClusterView view)
    {
        output.Table(["NODE", "ADDRESS", "ROLES", "STATE", "UPTIME", "DISK FREE", "LOGLETS", "SEQUENCING"], view.Nodes.Select(node => new[]
        {
            ChainPrinter.Text(node.Report.NodeId),
            $"{node.Report.Host}:{node.Report.Port}",
            Roles(node.Report.Roles),
            node.State,
            node.Status is { } s ? TimeSpan.FromSeconds((long)s.UptimeSeconds).ToString() : "",
            node.Status?.Disk is { } disk ? $"{disk.FreeBytes >> 30} GiB" : "",
            node.Status is { } l ? ChainPrinter.Text(l.Loglets.Count) : "",
            node.Status is { } q ? ChainPrinter.Text(q.Sequencing.Count) : "",
        }).ToList());
        foreach (var node in view.Nodes.Where(static n => n.Status is { Unreachable.Count: > 0 })) output.Line($"node {node.Report.NodeId} has no connection to {Named(node.Status!.Unreachable)}");
        PrintReplicas(output, [.. view.Nodes.Where(static n => n.Status?.Table is not null)]);
        output.Line("");
        output.Table(["LOG", "VERSION", "SEGMENTS", "ACTIVE FROM", "SEQUENCER", "REPLICAS", "TAIL SEEN"], view.Logs.Select(log => new[]
        {
            log.Name,
            ChainPrinter.Text(log.Chain.Version),
            ChainPrinter.Text(log.Chain.Segments.Count),
            ChainPrinter.Text(log.Chain.Active.Start),
            ChainPrinter.Nodes(log.Chain.Active.Loglet.SequencerNodes),
            ChainPrinter.Nodes(log.Chain.Active.Loglet.ReplicaNodes),
            ChainPrinter.Text(log.TailSeen),
        }).ToList());
        var behind = view.Logs.SelectMany(log => log.Replicas.Where(r => r.IsBehind).Select(r => (log.Name, Replica: r))).ToList();
        if (behind.Count > 0)
        {
            output.Line("");
            output.Table(["LOG", "SEGMENT", "LOGLET", "NODE", "STATE", "BEHIND"], behind.Select(b => new[]
            {
                b.Name,
                ChainPrinter.Text(b.Replica.Segment.Start),
                b.Replica.Loglet.ToString(),
                ChainPrinter.Text(b.Replica.NodeId),
                b.Replica.State,
                ChainPrinter.Text(b.Replica.Behind),
            }).ToList());
        }

        output.Line(view.IsDegraded ? "degraded" : "ok");
    }

    /// <summary>Replicas of the tables, if there are any.</summary>
    private static void PrintReplicas(Output output, IReadOnlyList<NodeView> nodes)
    {
        if (nodes.Count == 0) return;
        output.Line("");
        output.Table(["NODE", "TABLES OF LOG", "STATE", "CURSOR", "DURABLE", "SNAPSHOT", "CHECKSUM"], nodes.Select(node => (node.Report.NodeId, Table: node.Status!.Table!)).Select(n => new[]
        {
            ChainPrinter.Text(n.NodeId),
            n.Table.Log,
            n.Table.State,
            ChainPrinter.Text(n.Table.Cursor),
            ChainPrinter.Text(n.Table.DurableCursor),
            n.Table.Snapshot < 0 ? "none" : ChainPrinter.Text(n.Table.Snapshot),
            n.Table.Checksum ?? "",
        }).ToList());
        foreach (var node in nodes.Where(static n => n.Status!.Table!.Problem.Length > 0)) output.Line($"node {node.Report.NodeId}: {node.Status!.Table!.Problem}");
    }

    private static void PrintJson(Output output, ClusterView view) => output.JsonObject(json =>
    {
        json.WriteBoolean("degraded", view.IsDegraded);
        json.WriteStartArray("nodes");
        foreach (var node in view.Nodes)
        {
            json.WriteStartObject();
            json.WriteNumber("nodeId", node.Report.NodeId);
            json.WriteString("diskId", node.Report.DiskId);
            json.WriteString("host", node.Report.Host);
            json.WriteNumber("port", node.Report.Port);
            json.WriteString("roles", Roles(node.Report.Roles));
            json.WriteString("state", node.State);
            if (node.Report.Error is { } error) json.WriteString("error", error);
            if (node.Report.StatusJson is { } bytes && node.Status is not null)
            {
                json.WritePropertyName("status");
                json.WriteRawValue(bytes.Span);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("logs");
        foreach (var log in view.Logs)
        {
            json.WriteStartObject();
            ChainPrinter.Write(json, log.Name, log.Chain);
            json.WriteStartArray("replicas");
            foreach (var replica in log.Replicas)
            {
                json.WriteStartObject();
                json.WriteNumber("start", replica.Segment.Start);
                json.WriteString("loglet", replica.Loglet.ToString());
                json.WriteNumber("nodeId", replica.NodeId);
                json.WriteString("state", replica.State);
                json.WriteNumber("behind", replica.Behind);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    private static string Named(IReadOnlyList<uint> nodes) => $"{(nodes.Count == 1 ? "node" : "nodes")} {ChainPrinter.Nodes(nodes)}";

    private static string Roles(NodeRoles roles) => roles.ToString().ToLowerInvariant().Replace(", ", ",", StringComparison.Ordinal);
}
