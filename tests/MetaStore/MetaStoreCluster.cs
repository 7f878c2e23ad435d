using Delos.Client.MetaStore;
using Delos.Daemon.Storage;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Tests.MetaStore;

/// <summary>MetaStore nodes and clients of theirs, over loopback, with journals on disk.</summary>
internal sealed class MetaStoreCluster : IFrameHandler, IAsyncDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("delos-metastore-");
    private readonly List<PeerPool> _pools = [];

    public List<MetaStoreNode> Nodes { get; } = [];

    public IReadOnlyList<(string Host, int Port)> Seeds => [.. Nodes.Take(3).Select(n => ("127.0.0.1", n.Port))];

    public static MetaStoreCluster Start(int nodes = 3, StorageOptions? storage = null)
    {
        var cluster = new MetaStoreCluster();
        for (var i = 1; i <= nodes; i++) cluster.Nodes.Add(MetaStoreNode.Start((uint)i, Path.Combine(cluster._directory.FullName, $"n{i}"), storage));
        return cluster;
    }

    public PeerPool NewPool()
    {
        var pool = new PeerPool(LocalPeer.Client(), Guid.Empty, this, ConnectionOptions.Default);
        _pools.Add(pool);
        return pool;
    }

    /// <summary>A client as the nodes have one; a plain one has seedsAreAcceptors false.</summary>
    public MetaStoreClient NewClient(bool seedsAreAcceptors = true, MetaStoreOptions? options = null, IReadOnlyList<(string Host, int Port)>? seeds = null) =>
        new(NewPool(), seeds ?? Seeds, (options ?? new MetaStoreOptions()) with { SeedsAreAcceptors = seedsAreAcceptors }, TimeProvider.System, NullLogger.Instance);

    public async Task RestartAsync(int index, Guid? diskId = null) => Nodes[index] = await Nodes[index].RestartAsync(diskId);

    void IFrameHandler.OnFrame(Connection connection, in Frame frame)
    {
    }

    void IFrameHandler.OnBatchEnd(Connection connection)
    {
    }

    void IFrameHandler.OnClosed(Connection connection, Exception? reason)
    {
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var pool in _pools) await pool.DisposeAsync();
        foreach (var node in Nodes) await node.DisposeAsync();
        _directory.Delete(recursive: true);
    }
}
