using System.Collections.Concurrent;
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

    [TestCase(0)]
    [TestCase(1)]
    public async Task A_striped_segment_is_replaced_as_a_whole_when_the_sequencer_of_any_stripe_is_gone(int stripe)
    {
        await using var striped = await StripedWatch.StartAsync(static (_, _) => new NoFrames());
        await UntilAsync(() => striped.Connected.Count == 2);
        await striped.Listeners[stripe].DisposeAsync();
        await UntilAsync(() => striped.Cluster.MetaStore.History.Any(h => h.Register == "log/" + Log && h.Value.Version == 2));
        var chain = await striped.Cluster.ChainAsync(Log);
        Assert.That(chain.History[^1].Reason, Does.Contain($"node {stripe + 1} "));
        Assert.That(chain.Active.Loglet.Parts, Has.Count.EqualTo(2), "by the same policy");
        foreach (var part in striped.Config.Parts)
        {
            await using var loglet = striped.Cluster.Memory.Open(part);
            Assert.That((await loglet.CheckTailAsync(default)).IsSealed, Is.True);
        }
    }

    [Test]
    [Category("Trap12")]
    public async Task A_striped_segment_of_which_one_stripe_is_sealed_is_sealed_as_a_whole_and_replaced()
    {
        await using var striped = await StripedWatch.StartAsync(static (config, _) => new Replica(config.Stripes[1].Id));
        await UntilAsync(() => striped.Cluster.MetaStore.History.Any(h => h.Register == "log/" + Log && h.Value.Version == 2));
        Assert.That((await striped.Cluster.ChainAsync(Log)).History[^1].Reason, Does.Contain("sealed"));
        foreach (var part in striped.Config.Parts)
        {
            await using var loglet = striped.Cluster.Memory.Open(part);
            Assert.That((await loglet.CheckTailAsync(default)).IsSealed, Is.True);
        }
    }

    [Test]
    public async Task What_happens_to_a_stripe_is_noticed_as_what_happens_to_its_segment()
    {
        await using var striped = await StripedWatch.StartAsync(static (_, _) => new NoFrames());
        await UntilAsync(() => striped.Watch.Watches(striped.Config.Stripes[1].Id));
        Assert.That(striped.Watch.Watches(striped.Config.Stripes[0].Id), Is.True);
        Assert.That(striped.Watch.Watches(LogletId.NewRandom()), Is.False);
    }

    [Test]
    public async Task A_sealed_segments_successor_is_watched_at_once()
    {
        var never = TimeSpan.FromHours(1);
        var options = new MonitorOptions { StatusInterval = never, StatusTimeout = never, ChainInterval = never, SealedGrace = never, LostGrace = never };

        // One of the two replicas says nothing.
        await using var striped = await StripedWatch.StartAsync(static (config, node) => node == 1 ? new Replica(config.Stripes[1].Id) : new NoFrames(), options);
        await UntilAsync(() => striped.Watch.Watches(striped.Config.Id) || striped.Connected.Count == 2);

        // By an operator: the monitor itself does nothing about the seal for an hour.
        var next = LogletConfig.Striped(LogletId.NewRandom(), [.. striped.Config.Parts.Select(p => p with { Id = LogletId.NewRandom() })]);
        var chain = await striped.Cluster.ChainAsync(Log);
        await striped.Cluster.Chains.WriteAsync(Log, ChainEdits.Extend(chain, 2, next, Guid.NewGuid(), new ChainEdit(0, default, 1, 0, "test")));
        await UntilAsync(() => striped.Watch.Watches(next.Stripes[0].Id));
    }

    [Test]
    public async Task A_monitor_whose_turn_is_before_and_that_is_found_gone_as_well_is_not_waited_for()
    {
        const uint me = 2;
        var sequencer = new NodeInfo(1, Guid.NewGuid(), IPAddress.Loopback.ToString(), FreeAddress().Port, NodeRoles.Sequencer);
        var before = Enumerable.Range(3, 100).Select(i => new NodeInfo((uint)i, Guid.NewGuid(), IPAddress.Loopback.ToString(), FreeAddress().Port, NodeRoles.MetaStore))
            .First(n => MonitorRank.Of(new NodeList(1, [n]), me, Log, static _ => false) == 1);
        await using var cluster = new MemoryCluster();
        await new NodeListStore(cluster.MetaStore).WriteAsync(new NodeList(1, [sequencer, before]));
        var config = LogletConfig.Native(LogletId.NewRandom(), sequencer.NodeId, Incarnation, [new ReplicaId(sequencer.NodeId, sequencer.DiskId)]);
        await cluster.Chains.WriteAsync(Log, ChainEdits.Create(new LogPolicy(1, LogletKind.Native, 1), config, Guid.NewGuid(), new ChainEdit(0, default, 1, 0, "test")));

        var listeners = new[] { sequencer, before }.ToDictionary(static n => n.NodeId, static n => Listener.Start(
            new IPEndPoint(IPAddress.Loopback, n.Port), new LocalPeer(s_node.ClusterId, n.NodeId, n.Roles, Incarnation, n.DiskId, PeerLimits.Default), static _ => new NoFrames(), ConnectionOptions.Default, 10));
        await using var peers = new PeerPool(LocalPeer.Client(), Guid.Empty, new NoFrames(), ConnectionOptions.Default);
        var nodes = new NodeDirectory(cluster.MetaStore, peers);
        await nodes.RefreshAsync();
        await nodes.ConnectAsync(before.NodeId);
        await using var reconfigurer = cluster.Reconfigurer();
        using var queue = new ReconfigurationQueue(1, TimeSpan.FromSeconds(1), TimeProvider.System);
        var options = new MonitorOptions { RankDelay = TimeSpan.FromHours(1), StatusInterval = TimeSpan.FromHours(1) };
        var placement = new Placement(nodes, new PlacementOptions(), TimeProvider.System);
        var watch = new LogWatch(Log, new MonitorParts(me, cluster.Chains, nodes, placement, reconfigurer, queue, options, TimeProvider.System, NullLogger.Instance));
        using var stop = new CancellationTokenSource();
        var running = watch.RunAsync(stop.Token);
        await UntilAsync(() => nodes.IsConnected(sequencer.NodeId));

        await listeners[sequencer.NodeId].DisposeAsync();
        await UntilAsync(() => queue.Waiting == 1);
        await Task.Delay(200);
        Assert.That((await cluster.ChainAsync(Log)).Version, Is.EqualTo(1), "It is the other one's turn.");
        await listeners[before.NodeId].DisposeAsync();
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

    /// <summary>A watch over two stripes, each sequenced by a listener of its own, which is a replica as well.</summary>
    private sealed class StripedWatch(MemoryCluster cluster, LogletConfig config, Listener[] listeners, ConcurrentDictionary<uint, bool> connected, PeerPool peers, Reconfigurer reconfigurer, ReconfigurationQueue queue, LogWatch watch) : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private Task _running = Task.CompletedTask;

        public MemoryCluster Cluster => cluster;

        public LogletConfig Config => config;

        public Listener[] Listeners => listeners;

        public ConcurrentDictionary<uint, bool> Connected => connected;

        public LogWatch Watch => watch;

        public static async Task<StripedWatch> StartAsync(Func<LogletConfig, uint, IFrameHandler> handler, MonitorOptions? options = null)
        {
            var cluster = new MemoryCluster();
            NodeInfo[] infos = [.. Enumerable.Range(1, 2).Select(i => new NodeInfo((uint)i, Guid.NewGuid(), IPAddress.Loopback.ToString(), FreeAddress().Port, NodeRoles.Sequencer | NodeRoles.LogServer))];
            var config = LogletConfig.Striped(LogletId.NewRandom(), [.. infos.Select(n => LogletConfig.Native(LogletId.NewRandom(), n.NodeId, Incarnation, [.. infos.Select(r => new ReplicaId(r.NodeId, r.DiskId))]))]);

            // Something is in it: an empty one would be deleted.
            await using (var loglet = cluster.Memory.Open(config)) await loglet.FillAsync(2, default);
            var connected = new ConcurrentDictionary<uint, bool>();
            Listener[] listeners = [.. infos.Select(n => Listener.Start(
                new IPEndPoint(IPAddress.Loopback, n.Port), new LocalPeer(s_node.ClusterId, n.NodeId, n.Roles, Incarnation, n.DiskId, PeerLimits.Default), _ => { connected[n.NodeId] = true; return handler(config, n.NodeId); }, ConnectionOptions.Default, 10))];
            await new NodeListStore(cluster.MetaStore).WriteAsync(new NodeList(1, infos));
            await cluster.Chains.WriteAsync(Log, ChainEdits.Create(LogPolicy.Striped(2, 2), config, Guid.NewGuid(), new ChainEdit(0, default, 1, 0, "test")));
            var peers = new PeerPool(LocalPeer.Client(), Guid.Empty, new NoFrames(), ConnectionOptions.Default);
            var nodes = new NodeDirectory(cluster.MetaStore, peers);
            await nodes.RefreshAsync();
            var reconfigurer = cluster.Reconfigurer();
            options ??= new MonitorOptions { StatusInterval = TimeSpan.FromMilliseconds(20), SealedGrace = TimeSpan.FromMilliseconds(20), LostGrace = TimeSpan.FromHours(1), StatusTimeout = TimeSpan.FromMilliseconds(50) };
            var queue = new ReconfigurationQueue(1, TimeSpan.FromSeconds(1), TimeProvider.System);
            var placement = new Placement(nodes, new PlacementOptions(), TimeProvider.System);
            var watch = new LogWatch(Log, new MonitorParts(2, cluster.Chains, nodes, placement, reconfigurer, queue, options, TimeProvider.System, NullLogger.Instance));
            var striped = new StripedWatch(cluster, config, listeners, connected, peers, reconfigurer, queue, watch);
            striped._running = watch.RunAsync(striped._stop.Token);
            return striped;
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _running;
            foreach (var listener in listeners) await listener.DisposeAsync();
            await peers.DisposeAsync();
            await reconfigurer.DisposeAsync();
            await cluster.DisposeAsync();
            queue.Dispose();
            _stop.Dispose();
        }
    }

    /// <summary>Says of one Loglet that it is sealed, of all others that they are open.</summary>
    private sealed class Replica(LogletId sealedOne) : IFrameHandler
    {
        public void OnFrame(Connection connection, in Frame frame)
        {
            if (frame.TryRead<Status>(out var status)) connection.Reply(new StatusReply(StatusCode.Ok, Incarnation, status.Loglet == sealedOne, 0, 0, 0, false), frame.Header.CorrelationId);
        }

        public void OnBatchEnd(Connection connection) => connection.Flush();

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
