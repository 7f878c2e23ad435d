using System.Net;
using Delos.Client;
using Delos.Daemon.Tables;
using Delos.LocalStorage;
using Delos.Protocol.Cluster;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;
using Delos.Protocol.Tables;
using Delos.Runtime;
using Delos.Tables;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Tests.TableService;

/// <summary>One table node in this process: a real listener and service, its log and store in memory. It may be told to take requests and answer none of them, as a frozen process does.</summary>
internal sealed class TableNode : IFrameHandler, IAsyncDisposable
{
    private readonly Daemon.Tables.TableService _service;
    private readonly TableReplica _replica;
    private readonly Listener _listener;
    private readonly LocalPeer _me;
    private int _statusRequests;

    public TableNode(uint id, Guid cluster, DelosLog log, string directory)
    {
        var options = new TableOptions { Directory = directory };
        _service = new Daemon.Tables.TableService(options, TimeProvider.System, NullLogger.Instance);
        var runtime = new RuntimeOptions { ReplicaId = id, Name = $"node {id}", ReportEvery = TimeSpan.FromHours(1), EvictAfter = TimeSpan.FromHours(2), ReadTimeout = TimeSpan.FromSeconds(3) };
        _replica = TableReplica.Start(log, Stores, new DirectorySnapshots(directory), runtime, _service.OnCommitted);
        _service.Attach(_replica.Runtime, _replica.Queries);
        _me = new LocalPeer(cluster, id, NodeRoles.Table, id, Guid.Empty, PeerLimits.Default);
        _listener = Listener.Start(new IPEndPoint(IPAddress.Loopback, 0), _me, _ => this, ConnectionOptions.Default, 100);
    }

    public HeldStores Stores { get; } = new();

    /// <summary>Requests of these types are taken and not answered.</summary>
    public Predicate<FrameType> IsSilentAbout { get; set; } = static _ => false;

    /// <summary>It answers no query of a state that it holds.</summary>
    public bool IsSilentAboutViews { get; set; }

    /// <summary>Queries that it fails at.</summary>
    public Predicate<TableQuery> FailsAt { get; set; } = static _ => false;

    /// <summary>Who sequences its log, as its status has it.</summary>
    public IReadOnlyList<uint> Sequencers { get; set; } = [];

    /// <summary>How often it was asked for its status.</summary>
    public int StatusRequests => Volatile.Read(ref _statusRequests);

    /// <summary>What it has in hand.</summary>
    public (int Requests, int Watches, int Views) Load => _service.Load;

    public NodeInfo Info => new(_me.NodeId, Guid.Empty, "127.0.0.1", _listener.LocalEndPoint.Port, NodeRoles.Table);

    public DelosRuntime Runtime => _replica.Runtime;

    public void OnFrame(Connection connection, in Frame frame)
    {
        var query = frame.TryRead<TableRead>(out var read) ? TableQueryCodec.Decode(read.Query.Span, out _) : null;
        if (IsSilentAbout(frame.Type) || (IsSilentAboutViews && query is not null && TableQueries.SnapshotOf(query) is not null)) return;
        if (query is not null && FailsAt(query))
        {
            connection.ReplyError(StatusCode.Internal, "it was told to fail", frame.CorrelationId);
            return;
        }

        if (frame.TryRead<NodeStatus>(out _)) ReplyStatus(connection, frame.CorrelationId);
        else _service.OnFrame(connection, frame);
    }

    public void OnBatchEnd(Connection connection) => _service.OnBatchEnd(connection);

    public void OnClosed(Connection connection, Exception? reason) => _service.OnClosed(connection, reason);

    /// <summary>Nobody reaches it any more.</summary>
    public ValueTask CloseDoorAsync() => _listener.DisposeAsync();

    public async ValueTask DisposeAsync()
    {
        Stores.LetGo();
        await _listener.DisposeAsync();
        await _service.DisposeAsync();
        await _replica.DisposeAsync();
    }

    private void ReplyStatus(Connection connection, ulong correlationId)
    {
        var status = new NodeStatusDocument { NodeId = _me.NodeId, DiskId = Guid.Empty, ClusterId = _me.ClusterId, Roles = ["table"], Incarnation = 1, TableSequencers = Sequencers };
        connection.Reply(new NodeStatusReply(status.ToJson()), correlationId);
        Interlocked.Increment(ref _statusRequests);
    }
}
