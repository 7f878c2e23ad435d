using Delos.Protocol.Tables;

namespace Delos.Tests.TableService;

/// <summary>What a row's put and get allocate, from the client's call through socket, service, log and apply to the answer: client, node and replica are in this process, log and store in memory.</summary>
public sealed class TableAllocationTests
{
    private const int Operations = 1024;
    private const int Outstanding = 64;

    // The store in memory, which copies what it changes, is the greater part of it.
    private const double MostOfPut = 23_000;
    private const double MostOfGet = 4_500;

    [Test]
    public async Task Puts_and_gets_allocate_little()
    {
        await using var nodes = await TableNodes.StartAsync(1);
        var client = nodes.Client();
        await client.CreateTableAsync(new CreateTable("t", [new("id", ColumnType.Int64), new("value", ColumnType.Bytes)], "id"));
        var table = client.Table("t");
        var rows = Enumerable.Range(0, 256).Select(i => Row.Of(("id", (long)i), ("value", new byte[100]))).ToArray();
        var keys = rows.Select(static r => new CellValue[] { r["id"] }).ToArray();
        var put = await Allocations.LeastAsync(Operations, MostOfPut, () => RunAsync(async i => await table.PutAsync(rows[i % rows.Length])));
        var get = await Allocations.LeastAsync(Operations, MostOfGet, () => RunAsync(async i => await table.GetAsync(keys[i % keys.Length])));
        await TestContext.Out.WriteLineAsync($"{put:0} B per put, {get:0} B per get");
        Assert.That(put, Is.LessThan(MostOfPut));
        Assert.That(get, Is.LessThan(MostOfGet));
    }

    private static Task RunAsync(Func<int, Task> operation) => Task.WhenAll(Enumerable.Range(0, Outstanding).Select(async worker =>
    {
        for (var i = worker; i < Operations; i += Outstanding) await operation(i);
    }));
}
