using System.Text;
using Delos.Client.MetaStore;
using Delos.Daemon.Storage;
using Delos.Protocol.Cluster;
using Delos.Protocol.Framing;

namespace Delos.Tests.MetaStore;

/// <summary>The MetaStore end to end: client, sockets, acceptors, journals.</summary>
public sealed class MetaStoreClientTests
{
    private static readonly MetaStoreOptions s_impatient = new() { RequestTimeout = TimeSpan.FromMilliseconds(200), OperationTimeout = TimeSpan.FromMilliseconds(600) };

    [Test]
    public async Task A_register_that_was_never_written_has_version_0()
    {
        await using var cluster = MetaStoreCluster.Start();
        var value = await cluster.NewClient().ReadAsync("log/a");
        Assert.That(value.Version, Is.Zero);
        Assert.That(value.Payload.Length, Is.Zero);
    }

    [Test]
    public async Task A_written_version_is_read_by_another_client()
    {
        await using var cluster = MetaStoreCluster.Start();
        var writer = cluster.NewClient();
        for (var version = 0ul; version < 5; version++)
        {
            var result = await writer.WriteAsync("log/a", version, Bytes($"v{version + 1}"));
            Assert.That(result.Won);
            Assert.That(result.Winner.Version, Is.EqualTo(version + 1));
        }

        var read = await cluster.NewClient().ReadAsync("log/a");
        Assert.That((read.Version, Text(read)), Is.EqualTo((5ul, "v5")));
    }

    [Test]
    public async Task A_write_on_top_of_an_old_version_loses_and_tells_the_winner()
    {
        await using var cluster = MetaStoreCluster.Start();
        var (a, b) = (cluster.NewClient(), cluster.NewClient());
        await a.WriteAsync("log/a", 0, Bytes("first"));
        var stale = await b.WriteAsync("log/a", 0, Bytes("second"));
        Assert.That(stale.Won, Is.False);
        Assert.That((stale.Winner.Version, Text(stale.Winner)), Is.EqualTo((1ul, "first")));
    }

    [Test]
    [Category("Trap14")]
    public async Task Of_many_concurrent_writers_of_one_version_exactly_one_wins()
    {
        await using var cluster = MetaStoreCluster.Start();
        var clients = Enumerable.Range(0, 6).Select(_ => cluster.NewClient()).ToArray();
        for (var version = 0ul; version < 10; version++)
        {
            var results = await Task.WhenAll(clients.Select((c, i) => c.WriteAsync("log/a", version, Bytes($"{version}-{i}")).AsTask()));
            Assert.That(results.Count(r => r.Won), Is.EqualTo(1));
            var winner = Text(results.Single(r => r.Won).Winner);
            Assert.That(results.Where(r => r.Winner.Version == version + 1).Select(r => Text(r.Winner)), Is.All.EqualTo(winner));
        }
    }

    [Test]
    public async Task A_minority_may_be_down()
    {
        await using var cluster = MetaStoreCluster.Start();
        await cluster.Nodes[2].DisposeAsync();
        var client = cluster.NewClient();
        Assert.That((await client.WriteAsync("log/a", 0, Bytes("x"))).Won);
        Assert.That((await client.ReadAsync("log/a")).Version, Is.EqualTo(1));
    }

    [Test]
    public async Task Without_a_majority_the_error_names_the_endpoints()
    {
        await using var cluster = MetaStoreCluster.Start();
        await cluster.Nodes[1].DisposeAsync();
        await cluster.Nodes[2].DisposeAsync();
        var failure = await Assert.ThrowsAsync<MetaStoreUnavailableException>(async () => await cluster.NewClient(options: s_impatient).WriteAsync("log/a", 0, Bytes("x")));
        Assert.That(failure!.Message, Does.Contain($":{cluster.Nodes[1].Port}").And.Contain($":{cluster.Nodes[2].Port}"));
        Assert.That(failure.OutcomeUnknown, Is.False);
    }

    [Test]
    [Category("Trap15")]
    public async Task A_write_whose_answers_get_lost_says_that_its_outcome_is_unknown()
    {
        await using var cluster = MetaStoreCluster.Start();
        foreach (var node in cluster.Nodes.Skip(1)) node.Drop = FrameType.MetaAccept;
        var failure = await Assert.ThrowsAsync<MetaStoreUnavailableException>(async () => await cluster.NewClient(options: s_impatient).WriteAsync(NodeList.Register, 0, Bytes("x")));
        Assert.That(failure!.OutcomeUnknown);

        // One acceptor has it. A read that meets it brings it to a decision; from then on everybody sees it.
        foreach (var node in cluster.Nodes) node.Drop = null;
        var newest = 0ul;
        for (var i = 0; i < 20; i++)
        {
            var read = await cluster.NewClient().ReadAsync(NodeList.Register);
            Assert.That(read.Version, Is.GreaterThanOrEqualTo(newest));
            newest = read.Version;
        }

        cluster.Nodes[1].Drop = FrameType.MetaRead;
        Assert.That((await cluster.NewClient().ReadAsync(NodeList.Register)).Version, Is.EqualTo(1), "only one of the other two has it, and it must be finished");
        cluster.Nodes[1].Drop = null;
        cluster.Nodes[0].Drop = FrameType.MetaRead;
        Assert.That((await cluster.NewClient().ReadAsync(NodeList.Register)).Version, Is.EqualTo(1), "it was finished");
    }

    [Test]
    [Category("Trap16")]
    public async Task A_read_never_goes_back_behind_a_node_that_lags()
    {
        await using var cluster = MetaStoreCluster.Start();
        var writer = cluster.NewClient();
        await writer.WriteAsync("log/a", 0, Bytes("one"));
        cluster.Nodes[0].Drop = FrameType.MetaAccept;
        Assert.That((await writer.WriteAsync("log/a", 1, Bytes("two"))).Won);
        cluster.Nodes[0].Drop = null;

        // The laggard and one that has it form the majority.
        cluster.Nodes[2].Drop = FrameType.MetaRead;
        var read = await cluster.NewClient().ReadAsync("log/a");
        Assert.That((read.Version, Text(read)), Is.EqualTo((2ul, "two")));
    }

    [Test]
    public async Task Everything_decided_survives_a_restart_of_all_nodes()
    {
        await using var cluster = MetaStoreCluster.Start();
        var client = cluster.NewClient();
        for (var version = 0ul; version < 20; version++) await client.WriteAsync("log/a", version, Bytes($"v{version + 1}"));
        await client.WriteAsync("log/b", 0, Bytes("b"));
        for (var i = 0; i < 3; i++) await cluster.RestartAsync(i);
        var fresh = cluster.NewClient();
        var read = await fresh.ReadAsync("log/a");
        Assert.That((read.Version, Text(read)), Is.EqualTo((20ul, "v20")));
        Assert.That((await fresh.WriteAsync("log/a", 20, Bytes("on"))).Won);
        Assert.That(await fresh.ListAsync("log/"), Is.EqualTo(new[] { "log/a", "log/b" }));
    }

    [Test]
    public async Task A_journal_that_was_rewritten_holds_the_same_registers()
    {
        var storage = new StorageOptions { SpareFiles = 0, JournalFileBytes = 1 << 20, JournalRewriteBytes = 200_000 };
        await using var cluster = MetaStoreCluster.Start(storage: storage);
        var client = cluster.NewClient();
        var payload = new byte[20_000];
        for (var version = 0ul; version < 60; version++)
        {
            payload[0] = (byte)version;
            Assert.That((await client.WriteAsync("log/a", version, payload.ToArray())).Won);
            if (version % 10 == 0) Assert.That((await client.WriteAsync($"log/{version}", 0, Bytes("x"))).Won);
        }

        for (var i = 0; i < 3; i++) await cluster.RestartAsync(i);
        var fresh = cluster.NewClient();
        var read = await fresh.ReadAsync("log/a");
        Assert.That((read.Version, read.Payload.Span[0]), Is.EqualTo((60ul, (byte)59)));
        Assert.That(await fresh.ListAsync("log/"), Has.Count.EqualTo(7));
    }

    [Test]
    [Category("Trap08")]
    public async Task A_node_that_comes_back_with_another_disk_is_no_acceptor_until_it_is_replaced()
    {
        await using var cluster = MetaStoreCluster.Start();
        var client = cluster.NewClient();
        await client.WriteAsync(NodeList.Register, 0, Bytes("nodes"));
        await client.WriteAsync("log/a", 0, Bytes("one"));
        await cluster.RestartAsync(2, Guid.NewGuid());
        await cluster.Nodes[1].DisposeAsync();
        var failure = await Assert.ThrowsAsync<MetaStoreUnavailableException>(async () => await cluster.NewClient(options: s_impatient).ReadAsync("log/a"));
        Assert.That(failure!.Message, Does.Contain("disk"));
    }

    [Test]
    public async Task An_acceptor_is_replaced_and_the_new_one_counts()
    {
        await using var cluster = MetaStoreCluster.Start(nodes: 4);
        var client = cluster.NewClient();
        await client.WriteAsync(NodeList.Register, 0, Bytes("nodes"));
        await client.WriteAsync("log/a", 0, Bytes("one"));
        await cluster.Nodes[2].DisposeAsync();
        var spare = cluster.Nodes[3];
        await client.ReplaceAcceptorAsync(3, new NodeEndpoint(spare.NodeId, spare.DiskId, "127.0.0.1", spare.Port));

        // Nodes 1, 2 and 4 decide now: one more may go.
        Assert.That((await client.WriteAsync("log/a", 3, Bytes("four"))).Won);
        await cluster.Nodes[1].DisposeAsync();
        var fresh = cluster.NewClient(seedsAreAcceptors: false);
        var read = await fresh.ReadAsync("log/a");
        Assert.That((read.Version, Text(read)), Is.EqualTo((4ul, "four")));
        Assert.That((await fresh.WriteAsync("log/new", 0, Bytes("x"))).Won);
    }

    [Test]
    public async Task A_client_with_one_endpoint_never_takes_it_for_a_quorum()
    {
        await using var cluster = MetaStoreCluster.Start();
        var one = cluster.NewClient(seedsAreAcceptors: false, s_impatient, [cluster.Seeds[0]]);
        await Assert.ThrowsAsync<MetaStoreUnavailableException>(async () => await one.WriteAsync("log/a", 0, Bytes("x")), "nobody knows the cluster yet");
        await cluster.NewClient().WriteAsync(NodeList.Register, 0, Bytes("nodes"));
        Assert.That((await one.WriteAsync("log/a", 0, Bytes("x"))).Won);
        await cluster.Nodes[0].DisposeAsync();
        Assert.That((await cluster.NewClient(seedsAreAcceptors: false).ReadAsync("log/a")).Version, Is.EqualTo(1), "the other two hold it as well");
    }

    [Test]
    public async Task An_operation_can_be_cancelled()
    {
        await using var cluster = MetaStoreCluster.Start();
        foreach (var node in cluster.Nodes) node.Drop = FrameType.MetaRead;
        using var cancel = new CancellationTokenSource();
        var read = cluster.NewClient().ReadAsync("log/a", cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThatAsync(async () => await read, Throws.InstanceOf<OperationCanceledException>());
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static string Text(VersionedValue value) => Encoding.UTF8.GetString(value.Payload.Span);
}
