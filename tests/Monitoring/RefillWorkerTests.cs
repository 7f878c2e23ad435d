using System.Collections.Concurrent;
using System.Net;
using Delos.Client.MetaStore;
using Delos.Daemon.Monitoring;
using Delos.Protocol.Chains;
using Delos.Protocol.Cluster;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;
using Delos.Tests.LogServers;
using Delos.Tests.VirtualLogs;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Tests.Monitoring;

/// <summary>What a LogServer that lacks segments of several logs fetches from its peer, and in which order.</summary>
public class RefillWorkerTests
{
    private const int SegmentLength = 10;

    private static readonly NodeIdentity s_peer = new(LogServerHarness.Me.ClusterId, 2, Guid.NewGuid());

    [Test]
    public async Task The_newest_segment_of_every_log_comes_before_the_older_ones_of_any()
    {
        await using var rig = await Rig.StartAsync();
        var a = await rig.AddLogAsync("a", 3);
        var b = await rig.AddLogAsync("b", 2);
        await rig.RefillAsync([.. a, .. b]);
        Assert.That(rig.Peer.Asked, Is.EqualTo(new[] { a[2], b[1], a[1], b[0], a[0] }));
    }

    [Test]
    public async Task A_log_whose_chain_cannot_be_understood_does_not_keep_the_others_from_being_refilled()
    {
        await using var rig = await Rig.StartAsync();
        await rig.MetaStore.WriteAsync("log/a", 0, new byte[] { 255 });
        await rig.RefillAsync(await rig.AddLogAsync("b", 1));
    }

    private sealed class Rig : IAsyncDisposable
    {
        private readonly LogServerHarness _server;
        private readonly Listener _listener;
        private readonly PeerPool _peers;

        private Rig(LogServerHarness server)
        {
            _server = server;
            var me = new LocalPeer(s_peer.ClusterId, s_peer.NodeId, NodeRoles.LogServer, 7, s_peer.DiskId, PeerLimits.Default);
            _listener = Listener.Start(new IPEndPoint(IPAddress.Loopback, 0), me, _ => Peer, ConnectionOptions.Default, 10);
            _peers = new PeerPool(LocalPeer.Client(), Guid.Empty, Peer, ConnectionOptions.Default);
        }

        public MemoryMetaStore MetaStore { get; } = new();

        public FullPeer Peer { get; } = new();

        public static async Task<Rig> StartAsync()
        {
            var rig = new Rig(await LogServerHarness.StartAsync());
            var address = rig._listener.LocalEndPoint;
            await new NodeListStore(rig.MetaStore).WriteAsync(new NodeList(1, [new NodeInfo(s_peer.NodeId, s_peer.DiskId, address.Address.ToString(), address.Port, NodeRoles.LogServer)]));
            return rig;
        }

        /// <summary>So many sealed segments and an active one, none of which the server has; the sealed ones' Loglets.</summary>
        public async Task<LogletId[]> AddLogAsync(string log, int segments)
        {
            var chains = new ChainStore(MetaStore);
            var edit = new ChainEdit(0, default, 1, 0, "test");
            var chain = ChainEdits.Create(new LogPolicy(2, LogletKind.Native, 1), Config(), Guid.NewGuid(), edit);
            await chains.WriteAsync(log, chain);
            for (var i = 1; i <= segments; i++) await chains.WriteAsync(log, chain = ChainEdits.Extend(chain, i * SegmentLength, Config(), Guid.NewGuid(), edit));
            return [.. chain.Segments.SkipLast(1).Select(s => s.Loglet.Id)];

            static LogletConfig Config() =>
                LogletConfig.Native(LogletId.NewRandom(), s_peer.NodeId, 7, [new ReplicaId(LogServerHarness.Me.NodeId, LogServerHarness.Me.DiskId), new ReplicaId(s_peer.NodeId, s_peer.DiskId)]);
        }

        /// <summary>Until the server holds all of the Loglets.</summary>
        public async Task RefillAsync(LogletId[] loglets)
        {
            var nodes = new NodeDirectory(MetaStore, _peers);
            var options = new RefillOptions { Interval = TimeSpan.FromMilliseconds(20), OpenGrace = TimeSpan.FromMilliseconds(1) };
            await using var worker = new RefillWorker(_server.Service, new ChainStore(MetaStore), nodes, LogServerHarness.Me, options, TimeProvider.System, NullLogger.Instance);
            for (var i = 0; i < 1000 && !loglets.All(l => _server.Service.GetReplica(l)?.DurableTail == SegmentLength); i++) await Task.Delay(10);
            foreach (var loglet in loglets) Assert.That(_server.Service.GetReplica(loglet)?.DurableTail, Is.EqualTo(SegmentLength));
        }

        public async ValueTask DisposeAsync()
        {
            await _peers.DisposeAsync();
            await _listener.DisposeAsync();
            await _server.DisposeAsync();
        }
    }

    /// <summary>Has every entry of every Loglet.</summary>
    private sealed class FullPeer : IFrameHandler
    {
        public ConcurrentQueue<LogletId> Asked { get; } = new();

        public void OnFrame(Connection connection, in Frame frame)
        {
            if (!frame.TryRead<Read>(out var read)) return;
            Asked.Enqueue(read.Loglet);
            var count = (int)(read.Max - read.Min);
            connection.Enqueue(new ReadReply(StatusCode.Ok, read.Min, (uint)count, read.Bound, 0), LogServerHarness.Entries(read.Min, count), frame.CorrelationId, FrameFlags.Reply);
        }

        public void OnBatchEnd(Connection connection)
        {
        }

        public void OnClosed(Connection connection, Exception? reason)
        {
        }
    }
}
