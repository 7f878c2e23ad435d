using Delos.Client.MetaStore;
using Delos.Protocol.Cluster;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Tests.MetaStore;

/// <summary>Finding nodes and connecting to them, as the node list has them.</summary>
public sealed class NodeDirectoryTests
{
    private static readonly NodeDirectoryOptions s_always = new() { RefreshInterval = TimeSpan.Zero };

    [Test]
    public async Task An_unknown_node_makes_the_directory_read_the_list()
    {
        await using var cluster = MetaStoreCluster.Start();
        var store = cluster.NewClient();
        var directory = new NodeDirectory(store, cluster.NewPool(), s_always);
        Assert.That(await directory.FindAsync(2), Is.Null);
        await RegisterAsync(cluster, store, 2);
        Assert.That((await directory.FindAsync(2))?.DiskId, Is.EqualTo(cluster.Nodes[1].DiskId));
        Assert.That(directory.Current.Version, Is.EqualTo(1));
    }

    [Test]
    public async Task The_list_is_not_read_again_before_the_interval_is_over()
    {
        await using var cluster = MetaStoreCluster.Start();
        var store = cluster.NewClient();
        var directory = new NodeDirectory(store, cluster.NewPool(), new NodeDirectoryOptions { RefreshInterval = TimeSpan.FromHours(1) });
        Assert.That(await directory.FindAsync(2), Is.Null);
        await RegisterAsync(cluster, store, 2);
        Assert.That(await directory.FindAsync(2), Is.Null);
        await directory.RefreshAsync();
        Assert.That(await directory.FindAsync(2), Is.Not.Null);
    }

    [Test]
    public async Task A_connection_leads_to_the_node_and_is_shared()
    {
        await using var cluster = MetaStoreCluster.Start();
        var store = cluster.NewClient();
        await RegisterAsync(cluster, store, 3);
        var directory = new NodeDirectory(store, cluster.NewPool(), s_always);
        var connection = await directory.ConnectAsync(3);
        Assert.That(connection.Peer.NodeId, Is.EqualTo(3));
        Assert.That(await directory.ConnectAsync(3), Is.SameAs(connection));
    }

    [Test]
    [Category("Trap08")]
    public async Task A_node_with_another_disk_than_the_list_names_is_not_connected_to()
    {
        await using var cluster = MetaStoreCluster.Start();
        var store = cluster.NewClient();
        await RegisterAsync(cluster, store, 3);
        await cluster.RestartAsync(2, Guid.NewGuid());
        var failure = await Assert.ThrowsAsync<DelosProtocolException>(async () => await new NodeDirectory(store, cluster.NewPool(), s_always).ConnectAsync(3));
        Assert.That(failure!.Code, Is.EqualTo(StatusCode.WrongNode));
    }

    [Test]
    public async Task A_dead_node_is_reported_at_once()
    {
        await using var cluster = MetaStoreCluster.Start();
        var store = cluster.NewClient();
        await RegisterAsync(cluster, store, 3);
        await cluster.Nodes[2].DisposeAsync();
        var failure = await Assert.ThrowsAsync<ConnectionLostException>(async () => await new NodeDirectory(store, cluster.NewPool(), s_always).ConnectAsync(3));
        Assert.That(failure!.IsRefused);
    }

    private static async Task RegisterAsync(MetaStoreCluster cluster, IMetaStore store, uint id)
    {
        var node = cluster.Nodes[(int)id - 1];
        var list = await new NodeListStore(store).ReadAsync();
        Assert.That((await new NodeListStore(store).WriteAsync(list.With(new NodeInfo(id, node.DiskId, "127.0.0.1", node.Port, NodeRoles.MetaStore)))).Won);
    }
}
