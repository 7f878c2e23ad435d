using Delos.Client.Tables;
using Delos.Protocol.Messages;
using Delos.Protocol.Tables;

namespace Delos.Tests.Processes;

/// <summary>Bad input to tables of real nodes: a clear refusal each, and nothing changed.</summary>
public sealed class TableBadInputTests : TableFixture
{
    [Test]
    public async Task Bad_input_is_refused_with_its_reason()
    {
        await StartTablesAsync("table.view_time=500ms");
        await using var client = await ConnectAsync();
        await using var tables = TableClient.Connect(client);
        await tables.CreateTableAsync(Users);
        var users = tables.Table("users");
        for (var i = 1; i <= 10; i++) await users.PutAsync(User(i, $"n{i % 2}"));
        var before = await users.DescribeAsync();

        Assert.That(await StatusOfAsync(async () => await tables.Table("nobody").GetAsync([1L])), Is.EqualTo(TableStatus.UnknownTable));
        Assert.That(await StatusOfAsync(async () => await users.GetAsync([1L], ["colour"])), Is.EqualTo(TableStatus.UnknownColumn));
        Assert.That(await StatusOfAsync(async () => await users.PutAsync(Row.Of(("id", 1L), ("colour", "red")))), Is.EqualTo(TableStatus.UnknownColumn));
        Assert.That(await StatusOfAsync(async () => await users.PutAsync(Row.Of(("id", "one")))), Is.EqualTo(TableStatus.TypeMismatch));
        Assert.That(await StatusOfAsync(async () => await users.GetAsync(["one"])), Is.EqualTo(TableStatus.TypeMismatch));

        // One that an entry of the log could still take, and one that it cannot.
        await tables.AlterTableAsync(new AlterTable("users", [], [], TableSettings.Default with { MaxRowBytes = 10_000 }));
        Assert.That(await StatusOfAsync(async () => await users.PutAsync(User(1, new string('x', 20_000)))), Is.EqualTo(TableStatus.TooLarge));
        Assert.That(await StatusOfAsync(async () => await users.PutAsync(User(1, new string('x', 3 << 20)))), Is.EqualTo(TableStatus.TooLarge));
        Assert.That(await StatusOfAsync(async () => await tables.WriteAsync([.. Enumerable.Range(0, TableLimits.Ops + 1).Select(i => TableOp.Check("users", [(long)i]))])), Is.EqualTo(TableStatus.TooLarge));

        // Malformed bytes, and a paging token that was tampered with.
        Assert.That((await new NodeTables(client, 1).ReadBytesAsync([1, 2, 3])).Reply.Status, Is.EqualTo(TableStatus.Malformed));
        Assert.That(TableReply.Decode((await new NodeTables(client, 1).ProposeAsync([1, 6, 3])).Reply.Span)!.Status, Is.EqualTo(TableStatus.Malformed));
        var (page, hold) = await new NodeTables(client, 1).ReadAsync(new ScanRows("users") with { Limit = 3 }, hold: TableHold.Pages);
        Assert.That(hold, Is.Not.Zero);
        var token = ((RowsResult)page.Result!).Token;

        // Another scan of the same state ends, and its end is heard of twice, and asked for again.
        var (other, its) = await new NodeTables(client, 1).ReadAsync(new ScanRows("users") with { Limit = 3 }, hold: TableHold.Pages);
        Assert.That((other.Snapshot, its != 0 && its != hold), Is.EqualTo((page.Snapshot, true)));
        for (var i = 0; i < 3; i++)
        {
            var (last, again) = await new NodeTables(client, 1).ReadAsync(new ScanRows("users") with { Token = ((RowsResult)other.Result!).Token }, hold: TableHold.Pages);
            Assert.That((last.Status, ((RowsResult)last.Result!).Token.Length, again), Is.EqualTo((TableStatus.Ok, 0, 0UL)));
            await new NodeTables(client, 1).ReleaseAsync(its);
        }

        Assert.That((await new NodeTables(client, 1).ReadAsync(new ScanRows("users") with { Limit = 3, Token = [.. token[..^1], (byte)(token[^1] ^ 1)] })).Reply.Status, Is.EqualTo(TableStatus.Malformed));

        // The token is good at the node that holds its snapshot, and only for a while.
        Assert.That((await new NodeTables(client, 1).ReadAsync(new ScanRows("users") with { Limit = 3, Token = token })).Reply.Status, Is.EqualTo(TableStatus.Ok));
        Assert.That((await new NodeTables(client, 2).ReadAsync(new ScanRows("users") with { Limit = 3, Token = token })).Reply.Status, Is.EqualTo(TableStatus.SnapshotExpired));
        await UntilAsync(async () => (await StatusAsync(client, 1)).Table!.Views == 0, "the view is let go");
        Assert.That((await new NodeTables(client, 1).ReadAsync(new ScanRows("users") with { Limit = 3, Token = token })).Reply.Status, Is.EqualTo(TableStatus.SnapshotExpired));
        Assert.That((await new NodeTables(client, 1).ReadAsync(new GetRows("users", [[1L]], Snapshot: page.Snapshot))).Reply.Status, Is.EqualTo(TableStatus.SnapshotExpired));

        // Indexes that conflict: with another's name, and with the rows.
        Assert.That(await StatusOfAsync(async () => await tables.CreateIndexAsync("users", new IndexDefinition("by_name", ["age"]))), Is.EqualTo(TableStatus.IndexExists));
        await tables.CreateIndexAsync("users", new IndexDefinition("one_name", ["name"], Unique: true));
        await tables.CreateIndexAsync("users", new IndexDefinition("by_age", ["age"]));
        await UntilAsync(async () => (await users.DescribeAsync()).Schema.Indexes.All(i => i.State != IndexState.Building), "the nodes have built the indexes");
        var schema = (await users.DescribeAsync()).Schema;
        Assert.That((schema.FindIndex("one_name")!.State, schema.FindIndex("by_age")!.State), Is.EqualTo((IndexState.Failed, IndexState.Ready)));
        Assert.That(schema.FindIndex("one_name")!.Problem, Is.Not.Empty);
        Assert.That((await users.DescribeAsync()).Rows, Is.EqualTo(before.Rows));
    }
}
