using System.CommandLine;
using Delos.Client;
using Delos.Client.MetaStore;
using Delos.LocalStorage.Peers;
using Delos.Protocol.Cluster;
using Delos.Protocol.Connections;
using Delos.Protocol.Identity;
using Delos.Runtime;

namespace Delos.Daemon.Commands;

/// <summary>The nodes that serve tables of one log, as whoever looks for their snapshots sees them.</summary>
internal sealed class SnapshotNodes
{
    public static readonly Option<string?> LogOption = new("--log", "-l") { Description = "Name of the tables' log. Default: the one that the table nodes have.", HelpName = "NAME" };

    private static readonly PeerSnapshotsOptions s_options = new();

    private readonly NodeDirectory _directory;

    private SnapshotNodes(NodeDirectory directory, string log, IReadOnlyList<uint> nodes, IReadOnlyList<(uint, string)> silent)
    {
        _directory = directory;
        Log = log;
        Nodes = nodes;
        Silent = silent;
    }

    public string Log { get; }

    /// <summary>Those that answered: first those whose replica follows the log.</summary>
    public IReadOnlyList<uint> Nodes { get; }

    /// <summary>Those that have the role and did not answer, with the reason.</summary>
    public IReadOnlyList<(uint Node, string Reason)> Silent { get; }

    /// <exception cref="CommandException">There are none, or it is not clear of which log.</exception>
    public static async Task<SnapshotNodes> FindAsync(CommandContext context, DelosClient client)
    {
        var reports = await context.WithinTimeoutAsync(client.Admin.NodesAsync).ConfigureAwait(false);
        var nodes = reports.Where(static n => (n.Roles & NodeRoles.Table) != 0).OrderBy(static n => n.NodeId).ToList();
        if (nodes.Count == 0) throw new CommandException(ExitCode.NotFound, "no node of the cluster has the role table");
        var answered = new List<(uint Node, TableStatusLine Table)>();
        var silent = new List<(uint, string)>();
        foreach (var node in nodes)
        {
            if (node.StatusJson is not { } json) silent.Add((node.NodeId, node.Error ?? "no answer"));
            else if (NodeStatusDocument.TryParse(json.Span, out var status) && status.Table is { } table) answered.Add((node.NodeId, table));
            else silent.Add((node.NodeId, "its role table is not started"));
        }

        var log = context.Arguments.GetValue(LogOption) ?? TheOnly([.. answered.Select(static n => n.Table.Log).Distinct().Order(StringComparer.Ordinal)], silent);
        var mine = answered.Where(n => n.Table.Log == log).OrderBy(static n => n.Table.State != "applying").ThenBy(static n => n.Node).Select(static n => n.Node).ToList();
        if (mine.Count == 0 && silent.Count == 0) throw new CommandException(ExitCode.NotFound, $"no node serves tables of log '{log}'");
        return new SnapshotNodes(client.Nodes ?? throw new InvalidOperationException("A client of a cluster knows its nodes."), log, mine, silent);
    }

    public async ValueTask<(SnapshotPeer Peer, Guid ClusterId)> ConnectAsync(uint node, CancellationToken cancellationToken)
    {
        var connection = await _directory.ConnectAsync(node, cancellationToken).ConfigureAwait(false);
        return (new SnapshotPeer(connection, Log, s_options), connection.Peer.ClusterId);
    }

    /// <summary>The snapshots that the node keeps, newest first.</summary>
    public async ValueTask<IReadOnlyList<SnapshotInfo>> ListAsync(uint node, CancellationToken cancellationToken) =>
        await (await ConnectAsync(node, cancellationToken).ConfigureAwait(false)).Peer.ListAsync(cancellationToken).ConfigureAwait(false);

    /// <summary>The node, or what it sent, is at fault; not the own disk.</summary>
    public static bool IsOfNode(Exception e) => e is ConnectionLostException or DelosProtocolException or TimeoutException or InvalidDataException or System.Net.Sockets.SocketException;

    /// <exception cref="CommandException">There is none, or there are several.</exception>
    private static string TheOnly(IReadOnlyList<string> logs, List<(uint Node, string Reason)> silent) => logs switch
    {
        [var log] => log,
        [] => throw new CommandException(ExitCode.Unreachable, $"no table node answers: {string.Join("; ", silent.Select(static n => $"node {n.Node}: {n.Reason}"))}"),
        _ => throw new CommandException(ExitCode.Usage, $"there are tables of several logs: {string.Join(", ", logs)}; choose one with --log"),
    };
}
