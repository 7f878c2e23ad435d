using Delos.Client;
using Delos.Client.Admin;
using Delos.Client.Tables;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Delos.Protocol.Tables;

namespace Delos.Tests.Processes;

/// <summary>Tables served by real nodes.</summary>
public sealed class TableProcessTests : TableFixture
{
    private sealed record Person(long Id, string? Name, long Age);

    [Test]
    public async Task Every_node_reads_and_writes_the_same_tables()
    {
        await StartTablesAsync();
        await using var client = await ConnectAsync();
        await using var tables = TableClient.Connect(client);
        await tables.CreateTableAsync(Users);

        // Proposed through each node, and read from each: linearizable.
        for (var node = 1U; node <= 3; node++)
        {
            var put = await new NodeTables(client, node).ProposeAsync(TableCommandCodec.Encode(new Transact(TableOp.Put("users", User(node, $"by {node}")))));
            Assert.That((put.Outcome, TableReply.Decode(put.Reply.Span)!.Status), Is.EqualTo((ProposeOutcome.Applied, TableStatus.Ok)));
            for (var other = 1U; other <= 3; other++)
            {
                var (reply, _) = await new NodeTables(client, other).ReadAsync(new GetRows("users", [[(long)node]]));
                Assert.That(((RowsResult)reply.Result!)[0]["name"].AsString(), Is.EqualTo($"by {node}"));
                var (after, _) = await new NodeTables(client, other).ReadAsync(new GetRows("users", [[(long)node]]), TableReadLevel.After(put.Next));
                Assert.That(((RowsResult)after.Result!).Rows[0], Is.Not.Null);
            }
        }

        // Rows as objects.
        var people = tables.Table("users", RowMap.For<Person>().Key("id", p => p.Id).Column("name", p => p.Name.OrNull()).Column("age", p => p.Age).Build(r => new Person(r["id"].AsInt64(), r["name"].AsStringOrNull(), r["age"].AsInt64())));
        await people.PutAsync(new Person(9, null, 42));
        Assert.That((await people.GetAsync([9L]))!.Value, Is.EqualTo(new Person(9, null, 42)));
        Assert.That((await ListAsync(people.ScanAsync())).Select(p => p.Value.Id), Is.EqualTo(new long[] { 1, 2, 3, 9 }));
        Assert.That((await ListAsync(people.Rows.ScanAsync(new ScanOptions { Index = "by_name", Bounds = new KeyBounds(Prefix: new KeyPrefix([], "by ")), Reverse = true, Limit = 2 }))).Select(r => r["id"].AsInt64()), Is.EqualTo(new long[] { 3, 2 }));
        Assert.That(await people.TryInsertAsync(new Person(9, "x", 1)), Is.EqualTo((false, (await people.GetAsync([9L]))!.Version)));
        Assert.That((await people.DeleteAsync([9L]), await people.DeleteAsync([9L])), Is.EqualTo((true, false)));
        for (var node = 1U; node <= 3; node++) Assert.That((await StatusAsync(client, node)).Table, Has.Property("State").EqualTo("applying").And.Property("Problem").Empty);
    }

    [Test]
    public async Task Nodes_without_LogServers_serve_tables_and_nodes_without_tables_say_so()
    {
        await StartNodesAsync(4, node => node == 4 ? ["roles.table=true", "roles.sequencer=false", "roles.logserver=false"] : []);
        await using var client = await ConnectAsync();
        await using var tables = TableClient.Connect(client);
        await tables.CreateTableAsync(Users);
        await tables.Table("users").PutAsync(User(1, "Ann"));
        Assert.That((await tables.Table("users").GetAsync([1L]))!["name"].AsString(), Is.EqualTo("Ann"));
        var refused = await Assert.ThrowsAsync<DelosProtocolException>(async () => await new NodeTables(client, 1).ReadAsync(new DescribeTables()));
        Assert.That((refused!.Code, (await StatusAsync(client, 4)).Roles), Is.EqualTo((StatusCode.NotServed, new[] { "table" })));
        Assert.That((await StatusAsync(client, 4)).InProcessConnections, Is.Zero, "it has nothing of the log itself");
    }

    /// <summary>Node 4 has no MetaStore, hence no monitor: nothing else in it would connect to itself.</summary>
    [Test]
    public async Task A_node_with_tables_and_LogServer_reaches_itself_without_a_socket_and_the_log_may_move_away_and_back()
    {
        await StartNodesAsync(4, node => node == 4 ? ["roles.table=true"] : []);
        await using var client = await ConnectAsync();
        await using var tables = TableClient.Connect(client);
        await tables.CreateTableAsync(Users);
        var users = tables.Table("users");
        var node = Cluster[4];
        var next = 0L;
        foreach (var (nodes, sequencer) in new (uint[], uint)[] { ([2, 3, 4], 4), ([1, 2, 3], 1), ([1, 3, 4], 4) })
        {
            // While it is being moved and afterwards.
            var moving = ExtendAsync(client, new ReconfigExtendOptions { Replicas = nodes, Sequencer = sequencer, Reason = "test" }, "tables");
            do await users.PutAsync(User(++next, "Ann"));
            while (!moving.IsCompleted);
            await moving;
            Assert.That((await client.Admin.ChainAsync("tables")).Active.Loglet.SequencerNode, Is.EqualTo(sequencer));
            await Task.WhenAll(Enumerable.Range(0, 50).Select(async _ => await users.PutAsync(User(Interlocked.Increment(ref next), new string('x', 3000)))));
            Assert.That((await users.GetAsync([next]))!["name"].AsString(), Has.Length.EqualTo(3000));
            Assert.That((await ListAsync(users.ScanAsync())).Count, Is.EqualTo(next));
            Assert.That((await StatusAsync(client, 4)).InProcessConnections, Is.EqualTo(1), $"after the move to {sequencer}");
            Assert.That(TcpConnections.From(node.ProcessId, node.Port), Is.Zero, "to itself over TCP");
            Assert.That(TcpConnections.From(node.ProcessId, Cluster[1].Port), Is.Positive, "to another node over TCP");
        }

        Assert.That((await StatusAsync(client, 1)).InProcessConnections, Is.Zero, "no tables");
    }

    [Test]
    public async Task Clients_go_to_the_node_of_the_sequencer_and_follow_it_unless_they_are_to_spread()
    {
        await StartTablesAsync();
        var clients = new List<DelosClient>();
        for (var i = 0; i < 5; i++) clients.Add(await ConnectAsync());
        var tables = clients.Select(static c => TableClient.Connect(c)).ToArray();
        await using var spread = TableClient.Connect(clients[0], new TableClientOptions { PreferSequencer = false });
        await tables[0].CreateTableAsync(Users);
        await spread.Table("users").PutAsync(User(0, "Ann"));
        var (sequencer, there) = ((await clients[0].Admin.ChainAsync("tables")).Active.Loglet.SequencerNode, spread.Node);
        for (var moves = 0; moves < 2; moves++)
        {
            await UntilAsync(
                async () =>
                {
                    foreach (var client in tables.Append(spread)) await client.Table("users").PutAsync(User(0, "Ann"));
                    return tables.All(t => t.Node == sequencer);
                },
                $"all are at node {sequencer}");
            Assert.That(spread.Node, Is.EqualTo(there));
            sequencer = (sequencer % 3) + 1;
            await ExtendAsync(clients[0], new ReconfigExtendOptions { Sequencer = sequencer, Reason = "test" }, "tables");
        }

        foreach (var client in clients) await client.DisposeAsync();
    }

    [Test]
    public async Task A_store_that_cannot_be_opened_disables_the_role_and_leaves_the_node_working()
    {
        Directory.CreateDirectory(WorkDirectory);
        var file = Path.Combine(TestContext.CurrentContext.WorkDirectory, $"no-directory-{Guid.NewGuid():n}");
        await File.WriteAllTextAsync(file, "in the way");
        try
        {
            await StartNodesAsync(3, node => ["roles.table=true", .. node == 2 ? (string[])[$"table.dir={file}"] : []]);
            await using var client = await ConnectAsync();
            await using var tables = TableClient.Connect(client);
            await tables.CreateTableAsync(Users);
            await tables.Table("users").PutAsync(User(1, "Ann"));
            await UntilAsync(async () => (await StatusAsync(client, 2)).Table is { State: "failed" }, "node 2 says that its replica failed");
            var status = await StatusAsync(client, 2);
            Assert.That(status.Ready, Is.True);
            Assert.That(status.Table!.Problem, Does.Contain(file));
            Assert.That(status.Loglets, Is.Not.Empty, "its LogServer goes on");
            var refused = await Assert.ThrowsAsync<DelosProtocolException>(async () => await new NodeTables(client, 2).ReadAsync(new DescribeTables()));
            Assert.That(refused!.Code, Is.EqualTo(StatusCode.Unavailable));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Test]
    public async Task Transactions_that_disturb_each_other_count_right_and_leave_no_views_behind()
    {
        await StartTablesAsync();
        await using var client = await ConnectAsync();
        await using var tables = TableClient.Connect(client);
        await tables.CreateTableAsync(Users);
        await tables.Table("users").PutAsync(User(1, "counter"));
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            for (var i = 0; i < 10; i++)
            {
                await tables.TransactAsync(async tx =>
                {
                    var row = await tx.GetAsync("users", 1L);
                    tx.Update("users", [1L], Row.Of(("age", row!["age"].AsInt64() + 1)));
                });
            }
        }));
        Assert.That((await tables.Table("users").GetAsync([1L]))!["age"].AsInt64(), Is.EqualTo(40));

        // Scans that are left early are let go as well.
        for (var i = 2; i < 20; i++) await tables.Table("users").PutAsync(User(i, "n"));
        await foreach (var _ in tables.Table("users").ScanAsync(new ScanOptions { PageRows = 3 })) break;
        await UntilAsync(async () => (await StatusAsync(client, 1)).Table!.Views + (await StatusAsync(client, 2)).Table!.Views + (await StatusAsync(client, 3)).Table!.Views == 0, "no node holds a view", 10);
    }

    [Test]
    public async Task The_command_line_makes_reads_and_writes_tables()
    {
        await StartTablesAsync();
        var table = new CommandRuns(Cluster, "table");
        await table.RunAsync("create", "users", "id:int64", "name:string?", "age:int64=7", "at:timestamp?", "raw:bytes?", "ok:bool=true", "--key", "id", "--index", "by_name=name", "--unique", "by_raw=raw");
        Assert.That(await table.RunAsync("list"), Does.Contain("users").And.Contain("by_name,by_raw"));
        Assert.That(await table.RunAsync("describe", "users", "-o", "json"), Does.Contain("\"name\":\"age\",\"type\":\"int64\",\"nullable\":false,\"default\":7"));
        await table.RunAsync("put", "users", "id=1", "name=Ann", "at=2026-01-31T12:00:00Z", "raw=0x00ff");
        await table.RunAsync("put", "users", "id=2", "name=Bob", "age=20");
        await table.RunAsync("put", "users", "id=2", "age=21", "--update");
        Assert.That(await table.RunAsync("get", "users", "1", "-o", "json"), Is.EqualTo("{\"id\":1,\"name\":\"Ann\",\"age\":7,\"at\":\"2026-01-31T12:00:00Z\",\"raw\":\"0x00ff\",\"ok\":true}\n"));
        Assert.That(await table.RunAsync("scan", "users", "--index", "by_name", "--starts-with", "B", "--columns", "age,name", "-o", "json"), Is.EqualTo("{\"age\":21,\"name\":\"Bob\"}\n"));
        Assert.That(await table.RunAsync("scan", "users", "--where", "age>=7", "--where", "raw?", "--columns", "id", "-o", "json"), Is.EqualTo("{\"id\":2}\n"));
        Assert.That(await table.RunAsync("watch", "users", "--after", "start", "--count", "3"), Does.Match("put 1 .*\n.*put 2 .*\n.*put 2 .*age=21"));
        await table.RunAsync("del", "users", "1");
        Assert.That(await table.FailsAsync("get", "users", "1"), Is.EqualTo(5));
        Assert.That(await table.FailsAsync("put", "users", "id=2", "--insert"), Is.EqualTo(6));
        Assert.That(await table.FailsAsync("put", "users", "id=many"), Is.EqualTo(2));
        Assert.That(await table.FailsAsync("put", "nothing", "id=1"), Is.EqualTo(5));
        Assert.That(await table.FailsAsync("create", "users", "id:int64", "--key", "id"), Is.EqualTo(6));
        Assert.That(await table.RunAsync("alter", "users", "--add", "city:string?", "--drop-index", "by_name", "--index", "by_city=city"), Does.Contain("by_city").And.Contain("city"));
        await table.RunAsync("drop", "users");
        Assert.That(await table.RunAsync("list"), Does.Not.Contain("users"));
        Assert.That(await new CommandRuns(Cluster, "status").RunAsync(), Does.Contain("TABLES OF LOG").And.Contain("applying"));
    }
}
