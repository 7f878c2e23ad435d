using System.Diagnostics;
using Delos.Client.MetaStore;
using Delos.Daemon.Configuration;
using Delos.Daemon.LogServers;
using Delos.Daemon.MetaStore;
using Delos.Daemon.Monitoring;
using Delos.Daemon.Sequencers;
using Delos.Daemon.Storage;
using Delos.Daemon.Tables;
using Delos.Protocol.Cluster;
using Delos.Protocol.Connections;
using Delos.Protocol.Identity;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Node;

/// <summary>The parts of a node, made and connected: the roles that are on, and what they share (the disk's I/O thread, the connections to other nodes, the node list).</summary>
internal sealed class NodeServices : IAsyncDisposable
{
    private readonly NodeOptions _options;
    private readonly NodeDisk _disk;
    private readonly LocalPeer _me;
    private readonly ConnectionOptions _connections;
    private readonly NodeFrameRouter _router;
    private readonly NodeStatusReporter _status;
    private readonly Action<string, Exception> _fail;
    private readonly ILoggerFactory _loggers;
    private readonly GroupCommit _group;
    private readonly PeerPool _peers;
    private readonly MetaStoreClient _metaStoreClient;
    private readonly NodeDirectory _nodes;
    private MetaStoreService? _metaStore;
    private LogServerService? _logServer;
    private SequencerService? _sequencer;
    private MonitorHost? _monitor;
    private RefillWorker? _refill;
    private TableHost? _table;

    public NodeServices(
        NodeOptions options, NodeDisk disk, LocalPeer me, ConnectionOptions connections, NodeFrameRouter router, NodeStatusReporter status, Action<string, Exception> fail, ILoggerFactory loggers)
    {
        _options = options;
        _disk = disk;
        _me = me;
        _connections = connections;
        _router = router;
        _status = status;
        _fail = fail;
        _loggers = loggers;
        var storage = new StorageOptions
        {
            SegmentFileBytes = options.FileBytes,
            SpareFiles = options.SpareFiles,
            DirectIo = options.DirectIo ?? FileSystem.TakesDirectWrites(options.DataDirectory),
        };
        _group = new GroupCommit(storage, loggers.CreateLogger("Delos.Storage"), TimeProvider.System);
        _group.Failed += reason => _fail("disk", reason);
        _peers = new PeerPool(me, me.ClusterId, router, connections);
        _metaStoreClient = new MetaStoreClient(
            _peers, options.MetaStore.Select(s => (s.Host, s.Port)).ToList(), new MetaStoreOptions { SeedsAreAcceptors = true }, TimeProvider.System, loggers.CreateLogger("Delos.MetaStore"));
        _nodes = new NodeDirectory(_metaStoreClient, _peers);
    }

    public void StartMetaStore()
    {
        if (!Has(NodeRoles.MetaStore)) return;
        var directory = _disk.MakeMetaStoreDirectory();
        _metaStore = MetaStoreService.Open(directory, _group, new AcceptorLimits(), _loggers.CreateLogger("Delos.MetaStore"));
        _router.Attach(NodeRoles.MetaStore, _metaStore);
    }

    public async Task StartLogServerAsync()
    {
        if (!Has(NodeRoles.LogServer)) return;
        var started = Stopwatch.GetTimestamp();
        var directory = _disk.MakeLogServerDirectory();
        var options = new LogServerOptions { MaxInFlightBytes = _options.InFlightBytes };
        _logServer = await LogServerService.OpenAsync(
            directory, _disk.Identity.Identity, _group, options, TimeProvider.System, _loggers.CreateLogger("Delos.LogServer"), reason => _fail("LogServer", reason)).ConfigureAwait(false);
        _router.Attach(NodeRoles.LogServer, _logServer);
        _status.Loglets = _logServer.DescribeLoglets;
        _loggers.CreateLogger("Delos.Node").RoleRecovered("LogServer", (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds);
    }

    public Task<NodeList> RegisterAsync(NodeInfo me, CancellationToken cancellationToken) =>
        new Registration(new NodeListStore(_metaStoreClient), TimeProvider.System, _loggers.CreateLogger("Delos.Node")).RegisterAsync(me, cancellationToken);

    public void StartSequencer()
    {
        if (!Has(NodeRoles.Sequencer)) return;
        var options = new SequencerOptions
        {
            MaxEntryBytes = _options.MaxEntryBytes,
            MaxBatchBytes = _options.MaxBatchBytes,
            MaxInFlightBytes = _options.InFlightBytes,
            MaxRetainedBytes = _options.WindowBytes,
            MaxClients = _options.MaxClients,
            ConfirmTimeout = _options.CheckTailTimeout,
        };
        _sequencer = new SequencerService(_me.NodeId, _me.Incarnation, _nodes.ConnectAsync, _options.UseSocketsWithin ? null : _logServer, options, TimeProvider.System, _loggers.CreateLogger("Delos.Sequencer"));
        _router.Attach(NodeRoles.Sequencer, _sequencer);
        _status.Sequencing = _sequencer.GetStatus;
    }

    /// <summary>What keeps logs writable (MetaStore nodes) and replicas complete (LogServers).</summary>
    public void StartMonitor()
    {
        if (_logServer is not null)
        {
            _refill = new RefillWorker(_logServer, new ChainStore(_metaStoreClient), _nodes, _disk.Identity.Identity, new RefillOptions { BytesPerSecond = _options.RefillBytesPerSecond }, TimeProvider.System, _loggers.CreateLogger("Delos.Refill"));
        }

        if (!Has(NodeRoles.MetaStore)) return;
        _monitor = new MonitorHost(_me, [.. _options.MetaStore.Select(s => (s.Host, s.Port))], _connections, new MonitorOptions { LostGrace = _options.ReplaceLogServerAfter }, TimeProvider.System, _loggers.CreateLogger("Delos.Monitor"));
        _status.Unreachable = () => _monitor.Unreachable;
        if (_sequencer is null) return;
        _sequencer.LogletEnding += (loglet, _) => _monitor.Notice(loglet);
        _sequencer.LogletEnded += (loglet, _) => _monitor.Notice(loglet);
    }

    /// <summary>Last: its replica finds the log through the other nodes, and through this one.</summary>
    /// <param name="ownNode">The way to this one.</param>
    public void StartTable(InProcessRoute ownNode)
    {
        if (!Has(NodeRoles.Table) || _options.Table is not { } options) return;
        _table = TableHost.Start(options, _me, _options.MetaStore, ownNode, TimeProvider.System, _loggers);
        _status.Table = _table.Status;
        _status.TableSequencers = () => _table.Sequencers;
        _router.Attach(NodeRoles.Table, _table.Service);
        _router.AttachSnapshots(_table.Snapshots);
    }

    /// <summary>Before the connections are closed: nothing new is begun.</summary>
    public async Task StopServingAsync()
    {
        if (_table is not null) await _table.DisposeAsync().ConfigureAwait(false);
        if (_monitor is not null) await _monitor.DisposeAsync().ConfigureAwait(false);
        if (_refill is not null) await _refill.DisposeAsync().ConfigureAwait(false);
        if (_sequencer is not null) await _sequencer.DisposeAsync().ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await _peers.DisposeAsync().ConfigureAwait(false);
        if (_logServer is not null) await _logServer.DisposeAsync().ConfigureAwait(false);
        if (_metaStore is not null) await _metaStore.DisposeAsync().ConfigureAwait(false);
        _group.Dispose();
    }

    private bool Has(NodeRoles role) => (_options.Roles & role) != 0;
}
