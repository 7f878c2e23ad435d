using Delos.Client.Tables;
using Delos.Protocol.Framing;
using Delos.Protocol.Tables;

namespace Delos.Tests.TableService;

/// <summary>Gets that come while others are under way are asked for together, and nobody notices.</summary>
public sealed class GatheredGetsTests
{
    private const int Rows = 100;

    [Test]
    public async Task Many_at_a_time_are_few_queries_and_each_has_its_row()
    {
        await using var nodes = await StartAsync(valueBytes: 10);
        var queries = 0;
        nodes[0].IsSilentAbout = type =>
        {
            if (type == FrameType.TableRead) Interlocked.Increment(ref queries);
            return false;
        };
        var table = nodes.Client().Table("t");
        var key = new CellValue[1];
        var gets = new Task<VersionedRow?>[5 * Rows];
        for (var i = 0; i < gets.Length; i++)
        {
            key[0] = i % (2 * Rows);
            gets[i] = table.GetAsync(key).AsTask();
        }

        await AllHaveTheirRowsAsync(gets);
        Assert.That(Volatile.Read(ref queries), Is.LessThan(gets.Length / 2));
    }

    [Test]
    public async Task A_key_that_is_refused_is_its_own_callers_trouble()
    {
        await using var nodes = await StartAsync(valueBytes: 10);
        var table = nodes.Client().Table("t");
        var gets = Enumerable.Range(0, Rows).Select(i => table.GetAsync([i]).AsTask()).ToArray();
        var (wrongType, tooMany) = (table.GetAsync(["one"]).AsTask(), table.GetAsync([1L, 2L]).AsTask());
        var later = Enumerable.Range(0, Rows).Select(i => table.GetAsync([i]).AsTask()).ToArray();
        await AllHaveTheirRowsAsync(gets);
        await AllHaveTheirRowsAsync(later);
        Assert.That((await Thrown(wrongType)).Status, Is.EqualTo(TableStatus.TypeMismatch));
        Assert.That((await Thrown(tooMany)).Status, Is.EqualTo(TableStatus.InvalidArgument));
        Assert.That((await Thrown(nodes.Client().Table("none").GetAsync([1L]).AsTask())).Status, Is.EqualTo(TableStatus.UnknownTable));
    }

    [Test]
    public async Task Rows_for_which_one_answer_has_no_room()
    {
        await using var nodes = await StartAsync(valueBytes: 200_000);
        var table = nodes.Client().Table("t");
        for (var round = 0; round < 2; round++) await AllHaveTheirRowsAsync([.. Enumerable.Range(0, Rows).Select(i => table.GetAsync([i]).AsTask())]);
    }

    [Test]
    public async Task Other_columns_and_levels_at_the_same_time()
    {
        await using var nodes = await StartAsync(valueBytes: 10);
        var table = nodes.Client().Table("t");
        var columns = new List<string>();
        var gets = new List<(Task<VersionedRow?> Get, string[] Columns)>();
        for (var i = 0; i < 3 * Rows; i++)
        {
            columns.Clear();
            columns.AddRange((i % 3) switch { 0 => ["id"], 1 => ["v"], _ => ["v", "id"] });
            gets.Add((table.GetAsync([i % Rows], columns, i % 2 == 0 ? TableReadLevel.Stale : TableReadLevel.Linearizable).AsTask(), [.. columns]));
        }

        foreach (var (get, wanted) in gets) Assert.That((await get)!.Values.Select(static c => c.Column), Is.EqualTo(wanted));
        Assert.That((await Thrown(table.GetAsync([1L], ["w"]).AsTask())).Status, Is.EqualTo(TableStatus.UnknownColumn));
    }

    [Test]
    public async Task Cancelling_one_leaves_the_others()
    {
        await using var nodes = await StartAsync(valueBytes: 10);
        var isSilent = true;
        nodes[0].IsSilentAbout = type => type == FrameType.TableRead && Volatile.Read(ref isSilent);
        var table = nodes.Client(TableClientOptions.Default with { AttemptTimeout = TimeSpan.FromMilliseconds(200) }).Table("t");
        using var cancellation = new CancellationTokenSource();
        var (first, cancelled, other) = (table.GetAsync([0]).AsTask(), table.GetAsync([1], cancellationToken: cancellation.Token).AsTask(), table.GetAsync([2]).AsTask());
        await cancellation.CancelAsync();
        Assert.That(async () => await cancelled, Throws.InstanceOf<OperationCanceledException>());
        Volatile.Write(ref isSilent, false);
        Assert.That(((await first)!["id"].AsInt64(), (await other)!["id"].AsInt64()), Is.EqualTo((0L, 2L)));
    }

    /// <summary>A node with keys from 0 on.</summary>
    private static async Task<TableNodes> StartAsync(int valueBytes)
    {
        var nodes = await TableNodes.StartAsync(1);
        var client = nodes.Client();
        await client.CreateTableAsync(new CreateTable("t", [new("id", ColumnType.Int64), new("v", ColumnType.Bytes)], "id"));
        for (var i = 0; i < Rows; i++) await client.Table("t").PutAsync(Row.Of(("id", i), ("v", ValueOf(i, valueBytes))));
        return nodes;
    }

    private static byte[] ValueOf(int key, int bytes)
    {
        var value = new byte[bytes];
        value.AsSpan().Fill((byte)key);
        return value;
    }

    /// <summary>Those that are there, in the order of their keys; the others are null.</summary>
    private static async Task AllHaveTheirRowsAsync(Task<VersionedRow?>[] gets)
    {
        var rows = await Task.WhenAll(gets);
        for (var i = 0; i < rows.Length; i++)
        {
            if (i % (2 * Rows) is var key && key >= Rows)
            {
                Assert.That(rows[i], Is.Null);
                continue;
            }

            Assert.That(rows[i]!["id"].AsInt64(), Is.EqualTo(key));
            Assert.That(rows[i]!["v"].AsBytes().ToArray(), Has.All.EqualTo((byte)key));
        }
    }

    private static async Task<TableException> Thrown(Task<VersionedRow?> get)
    {
        try
        {
            await get;
        }
        catch (TableException e)
        {
            return e;
        }

        throw new AssertionException("It was not refused.");
    }
}
