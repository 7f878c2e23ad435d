using Delos.Client.Tables;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Delos.Protocol.Tables;

namespace Delos.Tests.Processes;

/// <summary>What the service promises besides reading and writing: sessions, bounds, watches that wait, clean stops.</summary>
public sealed class TableServiceTests : TableFixture
{
    [Test]
    public async Task A_command_of_a_session_is_applied_once_through_whatever_nodes()
    {
        await StartTablesAsync();
        await using var client = await ConnectAsync();
        await using var tables = TableClient.Connect(client);
        await tables.CreateTableAsync(Users);
        NodeTables[] nodes = [new(client, 1), new(client, 2), new(client, 3)];
        await nodes[0].ReadAsync(new DescribeTables());
        var session = await nodes[0].OpenSessionAsync();
        var insert = TableCommandCodec.Encode(new Transact(TableOp.Insert("users", User(1, "Ann"))));
        var first = await nodes[0].ProposeAsync(insert, session, sequence: 1, floor: 1);
        var again = await nodes[1].ProposeAsync(insert, session, sequence: 1, floor: 1);
        Assert.That((TableReply.Decode(first.Reply.Span)!.Status, again.Outcome, again.Reply.ToArray()), Is.EqualTo((TableStatus.Ok, ProposeOutcome.Applied, first.Reply.ToArray())), "the first one's answer");
        Assert.That((await nodes[2].ProposeAsync(insert, session, sequence: 2, floor: 2)).Outcome, Is.EqualTo(ProposeOutcome.Applied), "another command");
        Assert.That((await nodes[2].ProposeAsync(insert, session, sequence: 1, floor: 1)).Outcome, Is.EqualTo(ProposeOutcome.AlreadyAnswered));
        Assert.That((await nodes[1].ProposeAsync(insert, session, sequence: 2 + TablePropose.Window, floor: 2)).Outcome, Is.EqualTo(ProposeOutcome.TooManyUnanswered));
        Assert.That((await nodes[1].ProposeAsync(insert, session + 1, sequence: 1, floor: 1)).Outcome, Is.EqualTo(ProposeOutcome.SessionExpired));
        var malformed = await Assert.ThrowsAsync<DelosProtocolException>(async () => await nodes[1].ProposeAsync(insert, session, sequence: 1, floor: 2));
        Assert.That(malformed!.Code, Is.EqualTo(StatusCode.Malformed));
    }

    [Test]
    public async Task A_watch_of_rows_that_do_not_change_moves_on_and_outlives_the_changes_that_are_kept()
    {
        await StartTablesAsync();
        await using var client = await ConnectAsync();
        await using var tables = TableClient.Connect(client, new TableClientOptions { WatchWait = TimeSpan.FromMilliseconds(300) });
        await tables.CreateTableAsync(Users with { Settings = TableSettings.Default with { RetainedChanges = 20 } });
        var users = tables.Table("users");
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var changes = users.WatchAsync(new WatchOptions { After = RowVersion.None, Bounds = KeyBounds.From(1000L) }, patience.Token).GetAsyncEnumerator(patience.Token);
        await using (changes)
        {
            var next = changes.MoveNextAsync().AsTask();
            for (var i = 0; i < 200; i++) await users.PutAsync(User(i, "not watched"));

            // Not before the first changes are gone would a watch that stood still fail.
            await UntilAsync(async () => (await users.DescribeAsync()) is { Changes: < 100 } kept && kept.ChangesAfter > RowVersion.None, "old changes are swept");
            await Task.Delay(TimeSpan.FromSeconds(1));
            Assert.That(next.IsCompleted, Is.False, next.Exception?.Message);
            await users.PutAsync(User(1001, "watched"));
            Assert.That((await next, changes.Current.Key[0].AsInt64(), changes.Current.IsLast), Is.EqualTo((true, 1001L, true)));

            // One that begins where the changes are gone is told so.
            Assert.That(await StatusOfAsync(async () => await ListAsync(users.WatchAsync(new WatchOptions { After = RowVersion.None }, patience.Token))), Is.EqualTo(TableStatus.SnapshotExpired));
        }
    }

    [Test]
    public async Task Too_much_at_a_time_is_refused_and_everything_is_answered()
    {
        await StartTablesAsync("table.requests=16", "table.watches=8");
        await using var client = await ConnectAsync();
        await using var tables = TableClient.Connect(client, new TableClientOptions { OperationTimeout = TimeSpan.FromSeconds(60) });
        await tables.CreateTableAsync(Users);
        await client.Nodes!.RefreshAsync();
        var connection = await client.Nodes.ConnectAsync(1);
        var query = TableQueryCodec.Encode(new GetRows("users", [[1L]]));
        var watch = TableQueryCodec.Encode(new ReadChanges("users", 0, RowVersion.None, KeyBounds.All));
        var reads = Enumerable.Range(0, 100).Select(_ => OutcomeAsync(connection, new TableRead(TableReadKind.Linearizable, 0, TableHold.None, 0, query))).ToList();
        Assert.That((await Task.WhenAll(reads)).Distinct(), Is.SubsetOf(new[] { StatusCode.Ok, StatusCode.LimitExceeded }).And.Contains(StatusCode.Ok));
        var watches = Enumerable.Range(0, 4).Select(_ => OutcomeAsync(connection, new TableRead(TableReadKind.Linearizable, 0, TableHold.None, 2000, watch))).ToList();
        Assert.That((await Task.WhenAll(watches)).Count(c => c == StatusCode.LimitExceeded), Is.EqualTo(2), "a quarter of eight may wait for one connection");

        // The client library comes again by itself.
        var puts = Enumerable.Range(0, 40).Select(async i => await tables.Table("users").PutAsync(User(i, "n")));
        await Task.WhenAll(puts);
        Assert.That((await ListAsync(tables.Table("users").ScanAsync())).Count, Is.EqualTo(40));
        await UntilAsync(async () => (await StatusAsync(client, 1)).Table is { Requests: 0, Watches: 0 }, "nothing is left in hand", 10);
    }

    [Test]
    public async Task A_node_with_views_and_watches_stops_in_time_and_its_clients_go_on()
    {
        await StartTablesAsync();
        await using var client = await ConnectAsync();
        await using var tables = TableClient.Connect(client);
        await tables.CreateTableAsync(Users);
        for (var i = 0; i < 10; i++) await tables.Table("users").PutAsync(User(i, "n"));
        using var stop = new CancellationTokenSource();
        var changes = tables.Table("users").WatchAsync(cancellationToken: stop.Token).GetAsyncEnumerator(stop.Token);
        var next = changes.MoveNextAsync().AsTask();
        for (var node = 1U; node <= 3; node++)
        {
            var (reply, hold) = await new NodeTables(client, node).ReadAsync(new ScanRows("users") with { Limit = 1 }, hold: TableHold.Always);
            Assert.That((reply.Status, hold != 0), Is.EqualTo((TableStatus.Ok, true)));
        }

        for (var node = 1U; node <= 2; node++)
        {
            Assert.That(await Cluster[node].StopAsync(), Is.True, "a clean stop");
            Assert.That((await tables.Table("users").GetAsync([1L]))!["name"].AsString(), Is.EqualTo("n"));
            await Cluster.RestartAsync(node, CancellationToken.None);
        }

        await tables.Table("users").PutAsync(User(77, "late"));
        Assert.That((await next.WaitAsync(TimeSpan.FromSeconds(30)), changes.Current.Key[0].AsInt64()), Is.EqualTo((true, 77L)));
        await changes.DisposeAsync();
    }

    [Test]
    public async Task A_client_finds_the_nodes_that_have_the_role_when_it_moves()
    {
        await StartNodesAsync(3, node => [$"roles.table={(node == 3 ? "false" : "true")}"]);
        await using var client = await ConnectAsync();
        await using var tables = TableClient.Connect(client, new TableClientOptions { OperationTimeout = TimeSpan.FromSeconds(60) });
        await tables.CreateTableAsync(Users);
        await tables.Table("users").PutAsync(User(1, "Ann"));
        await SetRoleAsync(3, on: true);
        await SetRoleAsync(1, on: false);
        await SetRoleAsync(2, on: false);

        // Of the nodes that the client knows none has the role any more.
        Assert.That((await tables.Table("users").GetAsync([1L]))!["name"].AsString(), Is.EqualTo("Ann"));
        await tables.Table("users").PutAsync(User(2, "Bob"));
        Assert.That((await ListAsync(tables.Table("users").ScanAsync())).Count, Is.EqualTo(2));
    }

    private async Task SetRoleAsync(uint node, bool on)
    {
        Assert.That(await Cluster[node].StopAsync(), Is.True);
        var before = await File.ReadAllTextAsync(Cluster[node].ConfigFile);
        var after = before.Replace($"table={(on ? "false" : "true")}", $"table={(on ? "true" : "false")}", StringComparison.Ordinal);
        Assert.That(after, Is.Not.EqualTo(before));
        await File.WriteAllTextAsync(Cluster[node].ConfigFile, after);
        await Cluster.RestartAsync(node, CancellationToken.None);
    }

    private static async Task<StatusCode> OutcomeAsync(Connection connection, TableRead request)
    {
        try
        {
            using var response = await connection.RequestAsync(request).AsTask().WaitAsync(TimeSpan.FromSeconds(30));
            return response.TryRead<TableReadReply>(out _) ? StatusCode.Ok : StatusCode.Malformed;
        }
        catch (DelosProtocolException e)
        {
            return e.Code;
        }
    }
}
