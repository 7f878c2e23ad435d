using System.Collections.Concurrent;
using Delos.LocalStorage;
using Delos.LocalStorage.Peers;
using Delos.Protocol.Connections;
using Delos.Runtime;
using Delos.Tests.Transport;

namespace Delos.Tests.Snapshots;

/// <summary>Nodes that keep snapshots, each in a directory of its own, and what a replica of each has of the others.</summary>
internal sealed class SnapshotNodes : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("delos-snapshots-").FullName;
    private readonly ConcurrentDictionary<uint, SnapshotNode> _nodes = new();
    private readonly ConcurrentDictionary<uint, bool> _known = new();
    private readonly PeerPool _pool = new(LocalPeer.Client(), Guid.Empty, new RecordingHandler(), ConnectionOptions.Default);

    public SnapshotNode this[uint id] => _nodes[id];

    public string DirectoryOf(uint id) => Path.Combine(_directory, $"node-{id}");

    /// <summary>Starts it, unless it runs.</summary>
    public SnapshotNode Start(uint id)
    {
        _known[id] = true;
        return _nodes.GetOrAdd(id, static (id, directory) => new SnapshotNode(id, directory), DirectoryOf(id));
    }

    public async Task StopAsync(uint id)
    {
        if (_nodes.TryRemove(id, out var node)) await node.DisposeAsync();
    }

    /// <summary>What the replica of that node finds, whether its node runs or not: all nodes that ever ran are its peers, but not itself.</summary>
    public PeerSnapshots Of(uint id, Func<PeerSnapshotsOptions, PeerSnapshotsOptions>? configure = null) => new(
        new DirectorySnapshots(DirectoryOf(id)),
        SnapshotNode.Log,
        _ => new ValueTask<IReadOnlyList<uint>>([.. _known.Keys.Where(n => n != id).Order()]),
        (node, cancellationToken) => _nodes.TryGetValue(node, out var running) ? _pool.GetAsync(running.EndPoint, node, cancellationToken) : throw new ConnectionLostException($"Node {node} does not run."),
        (configure ?? (static o => o))(new PeerSnapshotsOptions { ChunkBytes = 64 << 10, RequestTimeout = TimeSpan.FromSeconds(10) }));

    /// <summary>Writes a snapshot into a node's directory: files with the given sizes, their bytes decided by name and seed.</summary>
    public async Task<SnapshotInfo> SaveAsync(uint id, long cursor, int seed, params (string Name, int Size)[] files) =>
        await new DirectorySnapshots(DirectoryOf(id)).SaveAsync(
            id,
            directory =>
            {
                foreach (var (name, size) in files)
                {
                    var path = Path.Combine(directory, name);
                    Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                    File.WriteAllBytes(path, Bytes(name, size, seed));
                }

                return ValueTask.FromResult(cursor);
            },
            CancellationToken.None);

    public static byte[] Bytes(string name, int size, int seed)
    {
        var bytes = new byte[size];
        new Random(seed + name.Length).NextBytes(bytes);
        return bytes;
    }

    public async ValueTask DisposeAsync()
    {
        await _pool.DisposeAsync();
        foreach (var id in _nodes.Keys) await StopAsync(id);
        Directory.Delete(_directory, recursive: true);
    }
}
