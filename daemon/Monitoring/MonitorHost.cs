using Delos.Client.Loglets;
using Delos.Client.MetaStore;
using Delos.Client.Placements;
using Delos.Client.Reconfiguration;
using Delos.Protocol.Connections;
using Delos.Protocol.Identity;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Monitoring;

/// <summary>
/// The segment monitor of a node with what it stands on: connections of its own, so that what it does as a client of the cluster (sealing, asking for tails) never meets the node's own roles on one connection.
/// </summary>
internal sealed class MonitorHost : IAsyncDisposable
{
    private readonly PeerPool _peers;
    private readonly NodeDirectory _nodes;
    private readonly Reconfigurer _reconfigurer;
    private readonly ReconfigurationQueue _queue;
    private readonly SegmentMonitor _monitor;

    public MonitorHost(LocalPeer me, IReadOnlyList<(string Host, int Port)> seeds, ConnectionOptions connections, MonitorOptions options, TimeProvider time, ILogger logger)
    {
        var router = new LogletFrameRouter();
        _peers = new PeerPool(me, me.ClusterId, router, connections);
        var metaStore = new MetaStoreClient(_peers, seeds, new MetaStoreOptions { SeedsAreAcceptors = true }, time, logger);
        _nodes = new NodeDirectory(metaStore, _peers, new NodeDirectoryOptions { TimeProvider = time });
        var chains = new ChainStore(metaStore);
        var loglets = new NativeLogletFactory(_nodes.ConnectAsync, _nodes.IsLost, router, LogletOptions.Default, time, logger);
        var placement = new Placement(_nodes, new PlacementOptions(), time);
        _reconfigurer = new Reconfigurer(
            chains, loglets, placement, new SequencerOpener(_nodes.ConnectAsync), new ReplicaCopier(_nodes.ConnectAsync),
            new ReconfigurerOptions { By = me.NodeId }, time, logger);
        _queue = new ReconfigurationQueue(options.ConcurrentReconfigurations, options.ReconfigurationPatience, time);
        _monitor = new SegmentMonitor(new MonitorParts(me.NodeId, chains, _nodes, placement, _reconfigurer, _queue, options, time, logger));
    }

    /// <summary>Nodes of the list that there is no connection to now, in order.</summary>
    public IReadOnlyList<uint> Unreachable => [.. _nodes.Current.Nodes.Select(static n => n.NodeId).Where(n => !_nodes.IsConnected(n)).Order()];

    /// <inheritdoc cref="SegmentMonitor.Notice"/>
    public void Notice(LogletId loglet) => _monitor.Notice(loglet);

    public async ValueTask DisposeAsync()
    {
        await _monitor.DisposeAsync().ConfigureAwait(false);
        _queue.Dispose();
        await _reconfigurer.DisposeAsync().ConfigureAwait(false);
        await _peers.DisposeAsync().ConfigureAwait(false);
    }
}
