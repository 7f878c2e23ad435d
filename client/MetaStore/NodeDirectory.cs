using System.Net;
using System.Net.Sockets;
using Delos.Protocol.Cluster;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;

namespace Delos.Client.MetaStore;

/// <summary>
/// Who is where: the node list, cached, and connections to its nodes. The list is read again when an unknown node is asked for or a dial fails, but not more often than
/// <see cref="NodeDirectoryOptions.RefreshInterval"/>, and always in one read that all share. Thread-safe.
/// </summary>
public sealed class NodeDirectory
{
    private readonly NodeListStore _store;
    private readonly PeerPool _peers;
    private readonly NodeDirectoryOptions _options;
    private readonly Lock _lock = new();
    private volatile Snapshot _snapshot = new(NodeList.Empty);
    private Task? _refresh;
    private long _refreshedAt;
    private bool _everRefreshed;

    public NodeDirectory(IMetaStore metaStore, PeerPool peers, NodeDirectoryOptions? options = null)
    {
        _store = new NodeListStore(metaStore);
        _peers = peers;
        _options = options ?? new NodeDirectoryOptions();
    }

    /// <summary>The newest list seen; empty before the first read.</summary>
    public NodeList Current => _snapshot.List;

    /// <summary>The node, or null if the list, read again if need be and due, does not have it.</summary>
    public async ValueTask<NodeInfo?> FindAsync(uint nodeId, CancellationToken cancellationToken = default)
    {
        if (_snapshot.List.Find(nodeId) is { } known) return known;
        if (BeginRefresh(force: false) is { } refresh) await refresh.WaitAsync(cancellationToken).ConfigureAwait(false);
        return _snapshot.List.Find(nodeId);
    }

    /// <summary>
    /// The connection to that node. A dial that fails is reported at once; the list is read again behind the caller's back, in case the node moved.
    /// </summary>
    /// <exception cref="ConnectionLostException">The node is unknown or cannot be reached.</exception>
    /// <exception cref="DelosProtocolException">Another node, or the node with another disk than the list names, answers there (DESIGN §3, LogServer rule 6).</exception>
    public ValueTask<Connection> ConnectAsync(uint nodeId, CancellationToken cancellationToken = default) =>
        Live(nodeId) is { } live ? new ValueTask<Connection>(live) : DialAsync(nodeId, cancellationToken);

    /// <summary>There is a connection to the node now; never dials.</summary>
    public bool IsConnected(uint nodeId) => Live(nodeId) is not null;

    /// <summary>A moment ago the last connection to the node broke, or could not be made, and there is no other; never dials.</summary>
    public bool IsLost(uint nodeId) => _snapshot.Find(nodeId) is { } node && _peers.IsLost(node.Address);

    /// <summary>Reads the list now, unless a read is under way; then waits for that one.</summary>
    public async ValueTask RefreshAsync(CancellationToken cancellationToken = default)
    {
        if (BeginRefresh(force: true) is { } refresh) await refresh.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    private Connection? Live(uint nodeId) =>
        _snapshot.Find(nodeId) is { } node && _peers.TryGet(node.Address) is { } live && live.Peer.NodeId == nodeId && live.Peer.DiskId == node.Info.DiskId ? live : null;

    private async ValueTask<Connection> DialAsync(uint nodeId, CancellationToken cancellationToken)
    {
        for (var attempt = 0; ; attempt++)
        {
            if (await FindAsync(nodeId, cancellationToken).ConfigureAwait(false) is null) throw new ConnectionLostException($"Node {nodeId} is not in the node list.");
            if (_snapshot.Find(nodeId) is not { } node) continue;
            Connection connection;
            try
            {
                connection = await _peers.GetAsync(node.Address, nodeId, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (e is ConnectionLostException or DelosProtocolException or SocketException)
            {
                _ = BeginRefresh(force: false);
                throw;
            }

            if (connection.Peer.DiskId == node.Info.DiskId) return connection;

            // The node list may just have been changed by an operator who replaced the node; else it is a foreign disk.
            if (attempt > 0) throw new DelosProtocolException(StatusCode.WrongNode, $"Node {nodeId} has disk {connection.Peer.DiskId}; the node list names {node.Info.DiskId}. Was the node replaced?");
            if (BeginRefresh(force: false) is { } refresh) await refresh.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The read under way, or a new one if one is due; null if not. It is kept, so that a failure nobody waits for is seen by the next who asks.</summary>
    private Task? BeginRefresh(bool force)
    {
        lock (_lock)
        {
            if (_refresh is { IsCompleted: false }) return _refresh;
            if (!force && _everRefreshed && _options.TimeProvider.GetElapsedTime(_refreshedAt) < _options.RefreshInterval) return null;
            if (_refresh is { IsFaulted: true }) _ = _refresh.Exception;
            _everRefreshed = true;
            _refreshedAt = _options.TimeProvider.GetTimestamp();
            return _refresh = ReadAsync();
        }
    }

    private async Task ReadAsync()
    {
        // Off the caller's thread: it holds the lock.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var list = await _store.ReadAsync().ConfigureAwait(false);
        lock (_lock)
        {
            if (list.Version > _snapshot.List.Version) _snapshot = new Snapshot(list);
        }
    }

    private sealed class Snapshot(NodeList list)
    {
        private readonly Dictionary<uint, Node> _nodes = list.Nodes.ToDictionary(n => n.NodeId, n => new Node(n, NodeAddress.Of(n.Host, n.Port)));

        public NodeList List => list;

        public Node? Find(uint nodeId) => _nodes.GetValueOrDefault(nodeId);
    }

    private sealed record Node(NodeInfo Info, EndPoint Address);
}

/// <summary>Times of a <see cref="NodeDirectory"/>.</summary>
public sealed record NodeDirectoryOptions
{
    /// <summary>Least time between two reads of the list that nobody forced.</summary>
    public TimeSpan RefreshInterval { get; init; } = TimeSpan.FromMilliseconds(200);

    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
