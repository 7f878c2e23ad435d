using System.Security.Cryptography;
using Delos.Client.Loglets;
using Delos.Client.MetaStore;
using Delos.Client.Placements;
using Delos.Client.Reconfiguration;
using Delos.Protocol.Connections;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;
using Microsoft.Extensions.Logging;

namespace Delos.Client;

/// <summary>What the handles of one client share: put together from sockets for a real cluster, or from memory for tests.</summary>
internal sealed class ClientParts : IAsyncDisposable
{
    private readonly PeerPool? _peers;

    public ClientParts(
        DelosClientOptions options, IMetaStore metaStore, ILogletFactory loglets, IPlacement placement, ILogletOpener opener, ISegmentCopier copier, NodeDirectory? nodes = null, PeerPool? peers = null)
    {
        Options = options;
        Logger = options.LoggerFactory.CreateLogger("Delos.Client");
        MetaStore = metaStore;
        Chains = new ChainStore(metaStore);
        Loglets = loglets;
        Nodes = nodes;
        _peers = peers;
        Reconfigurer = new Reconfigurer(Chains, loglets, placement, opener, copier, new ReconfigurerOptions { DeleteGrace = options.DeleteGrace }, options.TimeProvider, Logger);
    }

    public DelosClientOptions Options { get; }

    public ILogger Logger { get; }

    public IMetaStore MetaStore { get; }

    public ChainStore Chains { get; }

    public ILogletFactory Loglets { get; }

    public Reconfigurer Reconfigurer { get; }

    /// <summary>Null in memory.</summary>
    public NodeDirectory? Nodes { get; }

    /// <summary>Called when a handle was disposed.</summary>
    public Action<DelosLog> Forget { get; set; } = static _ => { };

    /// <summary>Over one pool of connections to the cluster's nodes.</summary>
    public static ClientParts OverSockets(IReadOnlyList<(string Host, int Port)> seeds, DelosClientOptions options)
    {
        var logger = options.LoggerFactory.CreateLogger("Delos.Client");
        var router = new LogletFrameRouter();
        var me = new LocalPeer(options.ClusterId, 0, NodeRoles.None, BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)), Guid.Empty, PeerLimits.Default);
        var peers = new PeerPool(me, options.ClusterId, router, Connections(options, logger));
        var metaStore = new MetaStoreClient(peers, seeds, new MetaStoreOptions(), options.TimeProvider, logger);
        var nodes = new NodeDirectory(metaStore, peers, new NodeDirectoryOptions { TimeProvider = options.TimeProvider });
        var loglets = new NativeLogletFactory(nodes.ConnectAsync, nodes.IsLost, router, LogletOptions.Default, options.TimeProvider, logger, options.InProcess?.NodeId ?? 0);
        return new ClientParts(options, metaStore, loglets, new Placement(nodes, new PlacementOptions(), options.TimeProvider), new SequencerOpener(nodes.ConnectAsync), new ReplicaCopier(nodes.ConnectAsync), nodes, peers);
    }

    /// <summary>
    /// A connection has no bound of its own for what is queued: any number of handles share it, each with a window of its own (<see cref="DelosClientOptions.MaxInFlightBytes"/>), and all of it is sent again at once when it was lost.
    /// To a node that is gone nothing is queued for longer than the heartbeat timeout; one that holds back its reading on purpose takes it in the end.
    /// </summary>
    public static ConnectionOptions Connections(DelosClientOptions options, ILogger logger) =>
        new() { MaxQueuedBytes = long.MaxValue, InProcess = options.InProcess, TimeProvider = options.TimeProvider, Logger = logger };

    public async ValueTask DisposeAsync()
    {
        await Reconfigurer.DisposeAsync().ConfigureAwait(false);
        if (_peers is not null) await _peers.DisposeAsync().ConfigureAwait(false);
    }
}
