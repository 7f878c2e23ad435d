using Delos.Client;
using Delos.Client.MetaStore;
using Delos.Daemon.Configuration;
using Delos.Daemon.Snapshots;
using Delos.LocalStorage;
using Delos.LocalStorage.Peers;
using Delos.Protocol.Cluster;
using Delos.Protocol.Connections;
using Delos.Protocol.Identity;
using Delos.Runtime;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Tables;

/// <summary>The role table of a node: its service, and the replica behind it with its log, store and snapshots. Whatever is wrong with them, the node's other roles go on.</summary>
internal sealed class TableHost : IAsyncDisposable
{
    /// <summary>Below what clients wait for one node, so that they hear why.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);

    private readonly TableOptions _options;
    private readonly ILogger _logger;
    private readonly DirectorySnapshots _ownSnapshots;
    private readonly SnapshotWriter _snapshotWriter;
    private DelosClient? _client;
    private PeerSnapshots? _peerSnapshots;
    private DelosLog? _log;
    private TableReplica? _replica;

    private TableHost(TableOptions options, TimeProvider timeProvider, ILogger logger)
    {
        _options = options;
        _logger = logger;
        Service = new TableService(options, timeProvider, logger);
        _ownSnapshots = new DirectorySnapshots(options.EffectiveSnapshotDirectory, timeProvider);
        _snapshotWriter = new SnapshotWriter(options.Log, _ownSnapshots, logger);
        Snapshots = new SnapshotService(log => log == options.Log ? _ownSnapshots : null, new SnapshotServiceOptions(), logger, _snapshotWriter);
    }

    public TableService Service { get; }

    /// <summary>The nodes that sequence the tables' log, as far as this one knows; none unless its replica applies what they do.</summary>
    public IReadOnlyList<uint> Sequencers => _replica?.Runtime.Status is { State: RuntimeState.Applying, Problem.Length: 0 } && _log is { } log ? log.KnownSequencers : [];

    /// <summary>Gives this replica's snapshots to the others, and writes new ones for who asks.</summary>
    public SnapshotService Snapshots { get; }

    /// <summary>Never fails: a replica that cannot be started shows in <see cref="Status"/> and in every answer.</summary>
    /// <param name="options">Its settings.</param>
    /// <param name="me">The node; the replica has its id.</param>
    /// <param name="metaStore">Where the cluster is found.</param>
    /// <param name="ownNode">The way to the other roles of its own node.</param>
    /// <param name="timeProvider">Clock of reports and timeouts.</param>
    /// <param name="loggers">For all its parts.</param>
    public static TableHost Start(TableOptions options, LocalPeer me, IReadOnlyList<HostPort> metaStore, InProcessRoute ownNode, TimeProvider timeProvider, ILoggerFactory loggers)
    {
        var host = new TableHost(options, timeProvider, loggers.CreateLogger("Delos.Tables"));
        try
        {
            host.StartReplica(me, metaStore, ownNode, timeProvider, loggers);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            host._logger.TableReplicaNotStarted(e);
            host.Service.Disable($"the replica could not be started: {e.Message}");
        }

        return host;
    }

    /// <summary>What the node's status says of the replica.</summary>
    public TableStatusLine Status()
    {
        var (requests, watches, views) = Service.Load;
        var line = new TableStatusLine { Log = _options.Log, State = "failed", Problem = Service.Problem, Requests = requests, Watches = watches, Views = views };
        if (_replica is not { } replica) return line;
        var status = replica.Runtime.Status;
        return line with
        {
            State = status.State.ToString().ToLowerInvariant(),
            Problem = status.Problem,
            Cursor = status.Cursor,
            DurableCursor = status.DurableCursor,
            Snapshot = status.Snapshot,
            TrimPoint = status.TrimPoint,
            Checksum = status.Checksum.ToString("x16", System.Globalization.CultureInfo.InvariantCulture),
            Commands = status.Commands,
        };
    }

    /// <summary>Within <see cref="TableOptions.StopTimeout"/>, whatever hangs: what the store has not written comes from the log again.</summary>
    public ValueTask DisposeAsync() => BoundedStop.RunAsync(StopAllAsync, _options.StopTimeout, () => _logger.TableStopTimedOut(_options.StopTimeout), _logger.TableStopFailed);

    private void StartReplica(LocalPeer me, IReadOnlyList<HostPort> metaStore, InProcessRoute ownNode, TimeProvider timeProvider, ILoggerFactory loggers)
    {
        _client = ConnectToCluster(me, metaStore, ownNode, timeProvider, loggers);
        _log = _client.OpenLog(_options.Log);
        var stores = new RocksStoreFactory(_options.Store);
        var runtime = new RuntimeOptions
        {
            ReplicaId = me.NodeId,
            Name = $"node {me.NodeId}",
            MaxBatchBytes = _options.MaxEntryBytes,
            ReportEvery = _options.ReportEvery,
            SnapshotEvery = _options.SnapshotEvery,
            EvictAfter = _options.EvictAfter,
            ReadTimeout = s_patience,
            TimeProvider = timeProvider,
            LoggerFactory = loggers,
        };
        _replica = TableReplica.Start(_log, stores, SnapshotsFor(_client, me.NodeId, loggers), runtime, Service.OnCommitted);
        Service.Attach(_replica.Runtime, _replica.Queries);
        _snapshotWriter.Attach(_replica.Runtime);
    }

    /// <summary>How the replica reaches its log: over sockets, but the sequencer, the LogServer and the MetaStore of its own process without. Which of them a segment is on, its Loglet tells as to any client.</summary>
    private DelosClient ConnectToCluster(LocalPeer me, IReadOnlyList<HostPort> metaStore, InProcessRoute ownNode, TimeProvider timeProvider, ILoggerFactory loggers) =>
        DelosClient.Connect(string.Join(',', metaStore), new DelosClientOptions
        {
            ClusterId = me.ClusterId,
            MaxEntryBytes = _options.MaxEntryBytes,
            OperationTimeout = s_patience,
            CloseTimeout = _options.StopTimeout / 4,
            InlineContinuations = true,
            InProcess = ownNode,
            TimeProvider = timeProvider,
            LoggerFactory = loggers,
        });

    /// <summary>Where replicas find each other's snapshots: in the directory that the configuration names, which all share; else each keeps its own, and copies those of the others.</summary>
    private ISnapshotStore SnapshotsFor(DelosClient client, uint me, ILoggerFactory loggers)
    {
        if (_options.SnapshotDirectory.Length > 0) return _ownSnapshots;
        var nodes = client.Nodes ?? throw new InvalidOperationException("A client of a cluster knows its nodes.");
        return _peerSnapshots = new PeerSnapshots(_ownSnapshots, _options.Log, token => OthersAsync(nodes, me, token), nodes.ConnectAsync, new PeerSnapshotsOptions { LoggerFactory = loggers });
    }

    private static async ValueTask<IReadOnlyList<uint>> OthersAsync(NodeDirectory nodes, uint me, CancellationToken cancellationToken)
    {
        try
        {
            await nodes.RefreshAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (MetaStoreUnavailableException)
        {
            // Those that were known before may have what is needed.
        }

        return [.. nodes.Current.Nodes.Where(n => n.NodeId != me && (n.Roles & NodeRoles.Table) != 0).Select(static n => n.NodeId)];
    }

    private async Task StopAllAsync()
    {
        await Service.DisposeAsync().ConfigureAwait(false);
        var snapshots = Snapshots.DisposeAsync();
        if (_replica is not null) await _replica.DisposeAsync().ConfigureAwait(false);
        _peerSnapshots?.Dispose();
        await snapshots.ConfigureAwait(false);
        if (_log is not null) await _log.DisposeAsync().ConfigureAwait(false);
        if (_client is not null) await _client.DisposeAsync().ConfigureAwait(false);
    }
}
