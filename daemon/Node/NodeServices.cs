using Delos.Client.MetaStore;
using Delos.Daemon.Configuration;
using Delos.Protocol.Cluster;
using Delos.Protocol.Connections;
using Delos.Protocol.Identity;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Node;

/// <summary>The parts of a node, made and connected: the roles that are on, and what they share.</summary>
internal sealed class NodeServices : IAsyncDisposable
{
    private readonly NodeOptions _options;
    private readonly NodeDisk _disk;
    private readonly NodeFrameRouter _router;
    private readonly NodeStatusReporter _status;
    private readonly Action<string, Exception> _fail;
    private readonly ILoggerFactory _loggers;
    private readonly PeerPool _peers;
    private readonly MetaStoreClient _metaStoreClient;
    private readonly NodeDirectory _nodes;

    public NodeServices(
        NodeOptions options, NodeDisk disk, LocalPeer me, ConnectionOptions connections, NodeFrameRouter router, NodeStatusReporter status, Action<string, Exception> fail, ILoggerFactory loggers)
    {
        _options = options;
        _disk = disk;
        _router = router;
        _status = status;
        _fail = fail;
        _loggers = loggers;
        _peers = new PeerPool(me, me.ClusterId, router, connections);
        _metaStoreClient = new MetaStoreClient(
            _peers, options.MetaStore.Select(s => (s.Host, s.Port)).ToList(), new MetaStoreOptions { SeedsAreAcceptors = true }, TimeProvider.System, loggers.CreateLogger("Delos.MetaStore"));
        _nodes = new NodeDirectory(_metaStoreClient, _peers);
    }

    public void StartMetaStore()
    {
        if (!Has(NodeRoles.MetaStore)) return;
    }

    public void StartLogServer()
    {
        if (!Has(NodeRoles.LogServer)) return;
    }

    public Task<NodeList> RegisterAsync(NodeInfo me, CancellationToken cancellationToken) =>
        new Registration(new NodeListStore(_metaStoreClient), TimeProvider.System, _loggers.CreateLogger("Delos.Node")).RegisterAsync(me, cancellationToken);

    public void StartSequencer()
    {
        if (!Has(NodeRoles.Sequencer)) return;
    }

    public void StartMonitor()
    {
    }

    /// <summary>Before the connections are closed: nothing new is begun.</summary>
    public Task StopServingAsync() => Task.CompletedTask;

    public async ValueTask DisposeAsync() => await _peers.DisposeAsync().ConfigureAwait(false);

    private bool Has(NodeRoles role) => (_options.Roles & role) != 0;
}
