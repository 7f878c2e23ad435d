using System.Net;
using Delos.Client.MetaStore;
using Delos.Client.Placements;
using Delos.Client.Reconfiguration;
using Delos.Daemon.Monitoring;
using Delos.Protocol.Chains;
using Delos.Protocol.Cluster;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;
using Delos.Tests.VirtualLogs;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Tests.Monitoring;

/// <summary>The watch of one log over a real connection to its sequencer; MetaStore and Loglets are in memory.</summary>
public class LogWatchTests
{
    private const string Log = "log";
    private const ulong Incarnation = 7;

    private static readonly NodeIdentity s_node = new(Guid.NewGuid(), 1, Guid.NewGuid());

    [Test]
    public async Task A_node_that_was_cut_off_seals_nothing_that_is_within_reach_again()
    {
        var address = FreeAddress();
        await using var cluster = new MemoryCluster();
        var metaStore = new SlowMetaStore(cluster.MetaStore);
        await new NodeListStore(cluster.MetaStore).WriteAsync(new NodeList(1, [new NodeInfo(s_node.NodeId, s_node.DiskId, address.Address.ToString(), address.Port, NodeRoles.Sequencer)]));
        var config = LogletConfig.Native(LogletId.NewRandom(), s_node.NodeId, Incarnation, [new ReplicaId(s_node.NodeId, s_node.DiskId)]);
        await cluster.Chains.WriteAsync(Log, ChainEdits.Create(new LogPolicy(1, LogletKind.Native, 1), config, Guid.NewGuid(), new ChainEdit(0, default, 1, 0, "test")));

        await using var peers = new PeerPool(LocalPeer.Client(), Guid.Empty, new NoFrames(), ConnectionOptions.Default);
        var nodes = new NodeDirectory(metaStore, peers);
        await nodes.RefreshAsync();
        await using var reconfigurer = new Reconfigurer(new ChainStore(metaStore), cluster, cluster, cluster, cluster, new ReconfigurerOptions(), TimeProvider.System, NullLogger.Instance);
        var options = new MonitorOptions { CutOffAfter = TimeSpan.FromMilliseconds(50), ChainInterval = TimeSpan.FromHours(1), StatusInterval = TimeSpan.FromHours(1) };
        using var queue = new ReconfigurationQueue(1, TimeSpan.FromSeconds(1), TimeProvider.System);
        var placement = new Placement(nodes, new PlacementOptions(), TimeProvider.System);
        var watch = new LogWatch(Log, new MonitorParts(2, new ChainStore(metaStore), nodes, placement, reconfigurer, queue, options, TimeProvider.System, NullLogger.Instance));
        using var stop = new CancellationTokenSource();

        // Nothing answers: the sequencer counts as lost; then neither does the MetaStore for a while.
        metaStore.HoldAfter = 1;
        var running = watch.RunAsync(stop.Token);
        await metaStore.Held.Task.WaitAsync(TimeSpan.FromSeconds(20));
        await Task.Delay(options.CutOffAfter);
        var connected = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var sequencer = new LocalPeer(s_node.ClusterId, s_node.NodeId, NodeRoles.Sequencer, Incarnation, s_node.DiskId, PeerLimits.Default);
        var listener = Listener.Start(address, sequencer, _ => { connected.TrySetResult(); return new NoFrames(); }, ConnectionOptions.Default, 10);
        metaStore.Release.SetResult();
        await connected.Task.WaitAsync(TimeSpan.FromSeconds(20));
        await UntilAsync(() => queue.Waiting == 0);
        Assert.That((await cluster.ChainAsync(Log)).Version, Is.EqualTo(1));
        Assert.That(cluster.Placed, Is.Empty);

        // It is watched as before: now it goes for good.
        await listener.DisposeAsync();
        await UntilAsync(() => cluster.MetaStore.History.Any(h => h.Register == "log/" + Log && h.Value.Version == 2));
        await stop.CancelAsync();
        await running;
    }

    private static IPEndPoint FreeAddress()
    {
        using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return new IPEndPoint(IPAddress.Loopback, ((IPEndPoint)socket.LocalEndPoint!).Port);
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (var i = 0; i < 2000 && !condition(); i++) await Task.Delay(10);
        Assert.That(condition());
    }

    private sealed class NoFrames : IFrameHandler
    {
        public void OnFrame(Connection connection, in Frame frame)
        {
        }

        public void OnBatchEnd(Connection connection)
        {
        }

        public void OnClosed(Connection connection, Exception? reason)
        {
        }
    }

    /// <summary>Holds one read of a chain.</summary>
    private sealed class SlowMetaStore(IMetaStore inner) : IMetaStore
    {
        /// <summary>So many reads of a chain go through before the one that is held.</summary>
        public int HoldAfter { get; set; } = int.MaxValue;

        public TaskCompletionSource Held { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Release { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public async ValueTask<VersionedValue> ReadAsync(string register, CancellationToken cancellationToken = default)
        {
            if (register == "log/" + Log && HoldAfter-- == 0)
            {
                Held.SetResult();
                await Release.Task.WaitAsync(cancellationToken);
            }

            return await inner.ReadAsync(register, cancellationToken);
        }

        public ValueTask<WriteResult> WriteAsync(string register, ulong expectedVersion, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken = default) =>
            inner.WriteAsync(register, expectedVersion, payload, cancellationToken);

        public ValueTask<IReadOnlyList<string>> ListAsync(string prefix, CancellationToken cancellationToken = default) => inner.ListAsync(prefix, cancellationToken);
    }
}
