using System.Net;
using Delos.Daemon.MetaStore;
using Delos.Daemon.Storage;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Tests.MetaStore;

/// <summary>One MetaStore node in this process: a real listener, a real journal in a directory of its own.</summary>
internal sealed class MetaStoreNode : IFrameHandler, IAsyncDisposable
{
    public static readonly Guid Cluster = new("c1000000-0000-0000-0000-000000000001");

    private readonly string _directory;
    private readonly GroupCommit _group;
    private readonly MetaStoreService _service;
    private readonly Listener _listener;
    private readonly StorageOptions _storage;

    private MetaStoreNode(uint id, Guid diskId, string directory, int port, StorageOptions storage)
    {
        NodeId = id;
        DiskId = diskId;
        _directory = directory;
        _storage = storage;
        _group = new GroupCommit(storage, NullLogger.Instance, TimeProvider.System);
        _service = MetaStoreService.Open(Path.Combine(directory, "metastore"), _group, new AcceptorLimits(), NullLogger.Instance);
        var me = new LocalPeer(Cluster, id, NodeRoles.MetaStore, id, diskId, Protocol.Messages.PeerLimits.Default);
        _listener = Listener.Start(new IPEndPoint(IPAddress.Loopback, port), me, _ => this, ConnectionOptions.Default, 100);
    }

    public uint NodeId { get; }

    public Guid DiskId { get; }

    public int Port => _listener.LocalEndPoint.Port;

    public MetaStoreService Service => _service;

    /// <summary>Requests of this type are not answered: as if they were lost.</summary>
    public FrameType? Drop { get; set; }

    public static MetaStoreNode Start(uint id, string directory, StorageOptions? storage = null) =>
        new(id, Guid.NewGuid(), directory, 0, storage ?? new StorageOptions { SpareFiles = 0 });

    /// <summary>Stops and starts again: same place, same disk or a new one.</summary>
    public async Task<MetaStoreNode> RestartAsync(Guid? diskId = null)
    {
        var port = Port;
        await DisposeAsync();
        return new MetaStoreNode(NodeId, diskId ?? DiskId, _directory, port, _storage);
    }

    public void OnFrame(Connection connection, in Frame frame)
    {
        if (frame.Type != Drop) _service.OnFrame(connection, frame);
    }

    public void OnBatchEnd(Connection connection) => _service.OnBatchEnd(connection);

    public void OnClosed(Connection connection, Exception? reason) => _service.OnClosed(connection, reason);

    public async ValueTask DisposeAsync()
    {
        await _listener.DisposeAsync();
        await _service.DisposeAsync();
        _group.Dispose();
    }
}
