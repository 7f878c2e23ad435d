using System.Net;
using System.Net.Sockets;
using System.Text;
using Delos.Daemon.Node;
using Delos.Protocol.Identity;

namespace Delos.Daemon.Dev;

/// <summary>
/// A cluster of real delosd processes on this machine, each with its own directory, for development, benchmarks and tests. Every node is
/// sequencer and LogServer; the first one, three or five are the MetaStore.
/// </summary>
internal sealed class DevCluster : IAsyncDisposable
{
    private readonly DevClusterOptions _options;
    private readonly List<DevNode> _nodes = [];

    private DevCluster(DevClusterOptions options, Guid clusterId)
    {
        _options = options;
        ClusterId = clusterId;
    }

    public Guid ClusterId { get; }

    public IReadOnlyList<DevNode> Nodes => _nodes;

    /// <inheritdoc cref="DevClusterOptions.Executable"/>
    public string Executable => _options.Executable;

    public DevNode this[uint nodeId] => _nodes[(int)nodeId - 1];

    /// <summary>What a client connects to.</summary>
    public string Endpoints => "delos://" + string.Join(',', _nodes.Take(_options.MetaStoreNodes).Select(n => $"{n.Address}:{n.Port}"));

    /// <summary>Prepares the directories, starts every node and waits until the cluster takes appends.</summary>
    /// <exception cref="InvalidOperationException">A node ended, or was not ready in time.</exception>
    public static async Task<DevCluster> StartAsync(DevClusterOptions options, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Nodes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Nodes, 64);
        var directory = Path.GetFullPath(options.Directory);
        Directory.CreateDirectory(directory);
        var file = Prepare(options, directory);
        var cluster = new DevCluster(options, file.ClusterId);
        try
        {
            for (var i = 0; i < options.Nodes; i++)
            {
                var node = new DevNode((uint)i + 1, options.Address((uint)i + 1), file.Ports[i], Path.Combine(directory, $"node-{i + 1}"), [.. options.Launcher((uint)i + 1), options.Executable], options.StopTimeout);
                cluster._nodes.Add(node);
                cluster.Prepare(node, file);
            }

            foreach (var node in cluster._nodes) node.Start();
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            deadline.CancelAfter(options.StartTimeout);
            try
            {
                await Task.WhenAll(cluster._nodes.Select(n => n.ReadyAsync(deadline.Token))).ConfigureAwait(false);
            }
            catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
            {
                throw new InvalidOperationException(e.Message);
            }

            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Starts a node that was killed or stopped, and waits until it is ready.</summary>
    public async Task RestartAsync(uint nodeId, CancellationToken cancellationToken)
    {
        this[nodeId].Start();
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(_options.StartTimeout);
        await this[nodeId].ReadyAsync(deadline.Token).ConfigureAwait(false);
    }

    /// <summary>Stops all nodes. True if all stopped cleanly.</summary>
    public async Task<bool> StopAsync()
    {
        var clean = await Task.WhenAll(_nodes.Select(n => n.StopAsync())).ConfigureAwait(false);
        return clean.All(c => c);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        foreach (var node in _nodes) await node.DisposeAsync().ConfigureAwait(false);
    }

    private static DevClusterFile Prepare(DevClusterOptions options, string directory)
    {
        var before = DevClusterFile.Read(directory);
        if (before is null && Directory.EnumerateFileSystemEntries(directory).Any(e => !IsUnusedNodeDirectory(e)))
        {
            throw new InvalidOperationException($"{directory} is neither empty nor a dev cluster's directory.");
        }

        if (before is not null && before.Ports.Count != options.Nodes) throw new InvalidOperationException($"{directory} holds a cluster of {before.Ports.Count} nodes, not {options.Nodes}.");
        if (before is not null && options.Port != 0 && before.Ports[0] != options.Port)
        {
            // The MetaStore's registers name their acceptors' addresses.
            throw new InvalidOperationException($"{directory} holds a cluster that begins at port {before.Ports[0]}, not {options.Port}; leave out --port, or choose another directory.");
        }

        var ports = before?.Ports ?? (options.Port != 0 ? Enumerable.Range(options.Port, options.Nodes).ToList() : FreePorts(options.Nodes));
        var file = new DevClusterFile(before?.ClusterId ?? Guid.NewGuid(), ports);
        file.Write(directory);
        return file;
    }

    /// <summary>A node's directory made beforehand, with nothing in it but the mount point of its data, perhaps.</summary>
    private static bool IsUnusedNodeDirectory(string path) =>
        Path.GetFileName(path).StartsWith("node-", StringComparison.Ordinal) && Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).All(IsEmptyDataDirectory);

    private static bool IsEmptyDataDirectory(string path) =>
        Path.GetFileName(path) == "data" && Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).All(e => Path.GetFileName(e) == "lost+found");

    private void Prepare(DevNode node, DevClusterFile file)
    {
        Directory.CreateDirectory(node.DataDirectory);
        if (IdentityFile.Read(node.DataDirectory) is null)
        {
            IdentityFile.Create(node.DataDirectory, new NodeIdentity(file.ClusterId, node.NodeId, Guid.NewGuid()), isReplacement: false);
        }

        var metaStore = _options.MetaStoreNodes;
        var text = new StringBuilder()
            .Append("# Written by 'delosd dev' at every start.\n")
            .Append($"[node]\nid = {node.NodeId}\nlisten = {node.Address}:{node.Port}\ndata = {node.DataDirectory}\n")
            .Append($"[roles]\nmetastore = {(node.NodeId <= metaStore ? "true" : "false")}\n")
            .Append($"[cluster]\nid = {file.ClusterId}\nmetastore = {string.Join(", ", file.Ports.Take(metaStore).Select((p, i) => $"{_options.Address((uint)i + 1)}:{p}"))}\n");
        var own = _options.NodeSettings(node.NodeId);
        var settings = _options.Settings.Where(s => !own.Any(o => KeyOf(o) == KeyOf(s))).Concat(own);
        foreach (var group in settings.GroupBy(s => s[..s.IndexOf('.', StringComparison.Ordinal)]).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            text.Append($"[{group.Key}]\n");
            foreach (var setting in group) text.Append(setting[(group.Key.Length + 1)..]).Append('\n');
        }

        File.WriteAllText(node.ConfigFile, text.ToString());
    }

    private static string KeyOf(string setting) => setting[..setting.IndexOf('=', StringComparison.Ordinal)].Trim();

    private static List<int> FreePorts(int count)
    {
        var listeners = new List<Socket>();
        try
        {
            for (var i = 0; i < count; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                listeners.Add(socket);
                socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            }

            return listeners.Select(s => (s.LocalEndPoint as IPEndPoint)?.Port ?? throw new InvalidOperationException("A bound socket has no port.")).ToList();
        }
        finally
        {
            foreach (var socket in listeners) socket.Dispose();
        }
    }
}
