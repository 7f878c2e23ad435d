using Delos.Client.Tables;
using Delos.Protocol.Tables;
using Delos.Tests.Transport;

namespace Delos.Tests.TableService;

/// <summary>When a client goes from one node to another.</summary>
public sealed class NodeMovesTests
{
    [Test]
    public async Task A_node_that_answers_writes_with_a_refusal_is_left()
    {
        await using var nodes = await TableNodes.StartAsync(2);
        var client = nodes.Client();
        await client.CreateTableAsync(new CreateTable("t", [new("id", ColumnType.Int64)], "id"));
        var first = client.Node;
        await nodes[(int)first - 1].Runtime.DisposeAsync();
        for (var i = 0; i < 5; i++) await client.Table("t").PutAsync(Row.Of(("id", i)));
        Assert.That(client.Node, Is.Not.EqualTo(first).And.Not.Zero);
    }

    [Test]
    public async Task A_client_moves_to_the_sequencer_only_if_that_serves_the_tables_itself()
    {
        await using var nodes = await TableNodes.StartAsync(2);
        await nodes.Client().CreateTableAsync(new CreateTable("t", [new("id", ColumnType.Int64)], "id"));

        // Each node names the other one, and does not claim to be the one.
        (nodes[0].Sequencers, nodes[1].Sequencers) = ([2], [1]);
        var client = nodes.Client();
        await PutUntilAsync(client, () => nodes.All.All(n => n.StatusRequests > 0), "both were asked");
        var first = client.Node;
        var asked = nodes.All.Sum(n => n.StatusRequests);
        await PutUntilAsync(client, () => nodes.All.Sum(n => n.StatusRequests) >= asked + 2, "both were asked again");
        Assert.That(client.Node, Is.EqualTo(first), "two nodes do not send a client to and fro");
        var other = 3 - first;
        nodes[(int)other - 1].Sequencers = [other];
        await PutUntilAsync(client, () => client.Node == other, "it has moved");
    }

    private static async Task PutUntilAsync(TableClient client, Func<bool> isTrue, string what)
    {
        using var patience = new CancellationTokenSource(Loopback.Patience);
        while (!isTrue())
        {
            Assert.That(patience.IsCancellationRequested, Is.False, what);
            await client.Table("t").PutAsync(Row.Of(("id", 1)), cancellationToken: patience.Token);
        }
    }
}
