using Delos.Daemon.Configuration;
using Delos.Daemon.Storage;

namespace Delos.Daemon.Node;

/// <summary>A node's data directory, checked and locked for the life of the process.</summary>
internal sealed class NodeDisk : IDisposable
{
    private readonly DataDirectory _held;

    private NodeDisk(string path, DiskIdentity identity, DataDirectory held)
    {
        Path = path;
        Identity = identity;
        _held = held;
    }

    public string Path { get; }

    public DiskIdentity Identity { get; }

    public string RehearsalDirectory => System.IO.Path.Combine(Path, "rehearsal");

    /// <summary>Made if need be, its name durable: what a role will have synced in it is of no use under a name that a power loss takes away.</summary>
    public string MakeLogServerDirectory() => _held.Sub("logserver");

    /// <inheritdoc cref="MakeLogServerDirectory"/>
    public string MakeMetaStoreDirectory() => _held.Sub("metastore");

    /// <exception cref="NodeStartException">The directory is missing, not writable, not initialised, another node's or cluster's, or in use; the message says what to do.</exception>
    public static NodeDisk Open(NodeOptions options)
    {
        var path = options.DataDirectory;
        if (!Directory.Exists(path)) throw new NodeStartException($"data directory {path} does not exist. Create it and run 'delosd init' once, or correct node.data.");
        var identity = IdentityFile.Read(path) ?? throw new NodeStartException(
            $"data directory {path} has no identity. On the first start of a new node run 'delosd init'. If it had one, its disk is lost or not mounted: do not initialise it under the same node id without 'delosd init --replace' and 'delosd node replace {options.NodeId}'.");
        if (identity.Identity.NodeId != options.NodeId)
        {
            throw new NodeStartException($"data directory {path} belongs to node {identity.Identity.NodeId}, but node.id is {options.NodeId}. Correct node.id or node.data.");
        }

        if (options.ClusterId != Guid.Empty && identity.Identity.ClusterId != options.ClusterId)
        {
            throw new NodeStartException($"data directory {path} belongs to cluster {identity.Identity.ClusterId}, but cluster.id is {options.ClusterId}. Correct cluster.id or node.data.");
        }

        return new NodeDisk(path, identity, Hold(path));
    }

    public void Dispose() => _held.Dispose();

    private static DataDirectory Hold(string path)
    {
        try
        {
            return DataDirectory.Open(path);
        }
        catch (DataDirectoryException e)
        {
            throw new NodeStartException(e.Message, e);
        }
    }
}
