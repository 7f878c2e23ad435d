using System.Net;
using Delos.Client.Loglets;
using Delos.Daemon.LogServers;
using Delos.Daemon.Sequencers;
using Delos.Daemon.Storage;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Tests.Loglets;

/// <summary>
/// Nodes in this process, with the real roles, real sockets and real directories: LogServer and sequencer, without MetaStore or host. The client's side connects by node id.
/// </summary>
internal sealed class MiniCluster : IAsyncDisposable
{
    private static readonly ConnectionOptions s_connections = ConnectionOptions.Default;

    private readonly string _directory = Path.Combine(Path.GetTempPath(), $"delos-{Guid.NewGuid():n}");
    private readonly Guid _cluster = Guid.NewGuid();
    private readonly List<MiniNode> _nodes = [];
    private readonly PeerPool _peers;
    private readonly LogletFrameRouter _router = new();

    private MiniCluster()
    {
        _peers = new PeerPool(LocalPeer.Client(_cluster), _cluster, _router, s_connections);
        Factory = new NativeLogletFactory(ConnectAsync, static _ => false, _router, LogletOptions.Default with { OperationTimeout = TimeSpan.FromSeconds(20), StalledAppendPatience = TimeSpan.FromSeconds(20) }, TimeProvider.System, NullLogger.Instance);
    }

    public NativeLogletFactory Factory { get; }

    public IReadOnlyList<MiniNode> Nodes => _nodes;

    public static async Task<MiniCluster> StartAsync(int nodes = 3)
    {
        var cluster = new MiniCluster();
        for (var i = 1; i <= nodes; i++)
        {
            var node = new MiniNode((uint)i, cluster._cluster, Path.Combine(cluster._directory, $"{i}"), cluster.EndPointOf);
            cluster._nodes.Add(node);
        }

        foreach (var node in cluster._nodes) await node.StartAsync();
        return cluster;
    }

    public ValueTask<Connection> ConnectAsync(uint nodeId, CancellationToken cancellationToken) => _peers.GetAsync(EndPointOf(nodeId), nodeId, cancellationToken);

    /// <summary>A config on all nodes, sequenced by one of them, opened there.</summary>
    public async Task<LogletConfig> CreateAsync(int sequencer = 0)
    {
        var config = LogletConfig.Native(LogletId.NewRandom(), _nodes[sequencer].Id.NodeId, _nodes[sequencer].Incarnation, [.. _nodes.Select(n => new ReplicaId(n.Id.NodeId, n.Id.DiskId))]);
        var connection = await ConnectAsync(config.SequencerNode, CancellationToken.None);
        using var response = await connection.RequestAsync(new OpenLoglet(config));
        Assert.That(response.TryRead<OpenLogletReply>(out var reply), Is.True);
        Assert.That(reply.Status, Is.EqualTo(StatusCode.Ok));
        return config;
    }

    public async ValueTask DisposeAsync()
    {
        await _peers.DisposeAsync();
        foreach (var node in _nodes) await node.StopAsync();
        if (Directory.Exists(_directory)) Directory.Delete(_directory, recursive: true);
    }

    private EndPoint EndPointOf(uint nodeId) => _nodes[(int)nodeId - 1].EndPoint;
}

/// <summary>One node: stopped without ceremony, started again on its directory with a new incarnation.</summary>
internal sealed class MiniNode(uint nodeId, Guid cluster, string directory, Func<uint, EndPoint> endPointOf) : IFrameHandler
{
    private static readonly StorageOptions s_storage = new() { SegmentFileBytes = 8 << 20, PageMemoryBytes = 8 << 20, SpareFiles = 0 };

    private Listener? _listener;
    private PeerPool? _peers;
    private GroupCommit? _group;
    private LogServerService? _logServer;
    private SequencerService? _sequencer;
    private volatile uint[] _cut = [];

    public NodeIdentity Id { get; } = new(cluster, nodeId, Guid.NewGuid());

    public ulong Incarnation { get; private set; }

    public IPEndPoint EndPoint { get; private set; } = new(IPAddress.Loopback, 0);

    public async Task StartAsync()
    {
        Incarnation = (ulong)Random.Shared.NextInt64();
        var me = new LocalPeer(cluster, nodeId, NodeRoles.Sequencer | NodeRoles.LogServer, Incarnation, Id.DiskId, PeerLimits.Default);
        Directory.CreateDirectory(directory);
        _peers = new PeerPool(me, cluster, this, ConnectionOptions.Default);
        _group = new GroupCommit(s_storage, NullLogger.Instance, TimeProvider.System);
        _logServer = await LogServerService.OpenAsync(directory, Id, _group, new LogServerOptions(), TimeProvider.System, NullLogger.Instance, static failure => Assert.Fail(failure.ToString()));
        _sequencer = new SequencerService(nodeId, Incarnation, ConnectAsync, _logServer, new SequencerOptions(), TimeProvider.System, NullLogger.Instance);
        _listener = Listener.Start(EndPoint, me, _ => this, ConnectionOptions.Default, 1000);
        EndPoint = _listener.LocalEndPoint;
    }

    /// <summary>Cuts this node's own connections to another node, and lets it open no new ones. Whoever connects to it still can.</summary>
    public async Task CutAsync(uint node)
    {
        _cut = [.. _cut, node];
        (await _peers!.GetAsync(endPointOf(node), node, CancellationToken.None)).Close();
    }

    private ValueTask<Connection> ConnectAsync(uint node, CancellationToken cancellationToken) =>
        _cut.Contains(node) ? throw new ConnectionLostException($"The way to node {node} is cut.") : _peers!.GetAsync(endPointOf(node), node, cancellationToken);

    public async Task StopAsync()
    {
        if (_listener is null) return;
        await _listener.DisposeAsync();
        _listener = null;
        await _peers!.DisposeAsync();
        await _sequencer!.DisposeAsync();
        await _logServer!.DisposeAsync();
        _group!.Dispose();
    }

    public void OnFrame(Connection connection, in Frame frame)
    {
        if (LogServerService.Serves(frame.Type)) _logServer!.OnFrame(connection, frame);
        else _sequencer!.OnFrame(connection, frame);
    }

    public void OnBatchEnd(Connection connection)
    {
        _sequencer!.OnBatchEnd(connection);
        _logServer!.OnBatchEnd(connection);
    }

    public void OnClosed(Connection connection, Exception? reason)
    {
        _sequencer!.OnClosed(connection, reason);
        _logServer!.OnClosed(connection, reason);
    }
}
