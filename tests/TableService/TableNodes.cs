using Delos.Client;
using Delos.Client.MetaStore;
using Delos.Client.Tables;
using Delos.Protocol.Cluster;
using Delos.Protocol.Connections;
using Delos.Tests.Transport;
using Delos.Tests.VirtualLogs;

namespace Delos.Tests.TableService;

/// <summary>Table nodes in this process and clients of them; sockets between them, all else in memory.</summary>
internal sealed class TableNodes : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("delos-tables-").FullName;
    private readonly List<TableNode> _nodes = [];
    private readonly List<IAsyncDisposable> _clients = [];
    private readonly Dictionary<TableClient, DelosClient> _connections = [];

    private TableNodes()
    {
    }

    public MemoryCluster Logs { get; } = new();

    /// <summary>Has the list of the nodes; the logs have their own.</summary>
    public MemoryMetaStore MetaStore { get; } = new();

    public TableNode this[int index] => _nodes[index];

    public IReadOnlyList<TableNode> All => _nodes;

    public static async Task<TableNodes> StartAsync(int count)
    {
        var nodes = new TableNodes();
        var list = NodeList.Empty;
        for (var i = 1; i <= count; i++)
        {
            var node = new TableNode((uint)i, Loopback.Cluster, nodes.Logs.Client().OpenLog("tables"), Path.Combine(nodes._directory, $"{i}"));
            nodes._nodes.Add(node);
            await node.Runtime.ReadyAsync();
            list = list.With(node.Info);
            await new NodeListStore(nodes.MetaStore).WriteAsync(list);
        }

        return nodes;
    }

    /// <summary>A client with connections of its own.</summary>
    public TableClient Client(TableClientOptions? options = null)
    {
        var peers = new PeerPool(LocalPeer.Client(), Guid.Empty, new RecordingHandler(), ConnectionOptions.Default);
        var parts = new ClientParts(DelosClientOptions.Default, MetaStore, Logs, Logs, Logs, Logs, new NodeDirectory(MetaStore, peers), peers);
        var client = new DelosClient(parts, []);
        _clients.Add(client);
        var tables = TableClient.Connect(client, options);
        _connections.Add(tables, client);
        return tables;
    }

    /// <summary>Closes the connections of such a client.</summary>
    public ValueTask CloseAsync(TableClient client) => _connections[client].DisposeAsync();

    /// <summary>One connection to a node, for requests by hand.</summary>
    public async Task<Connection> DialAsync(int index)
    {
        var connection = await Connector.ConnectAsync(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, _nodes[index].Info.Port), LocalPeer.Client(), Guid.Empty, 0, new RecordingHandler(), ConnectionOptions.Default);
        _clients.Add(connection);
        return connection;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients) await client.DisposeAsync();
        foreach (var node in _nodes) await node.DisposeAsync();
        await Logs.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }
}
