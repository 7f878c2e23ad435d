using Delos.Client;
using Delos.Client.Tables;
using Delos.Protocol.Framing;
using Delos.Protocol.Tables;

namespace Delos.Tests.TableService;

/// <summary>Gets that come while others are under way are asked for together, and nobody notices.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class GatheredGetsTests : IDisposable
{
    private const int Rows = 100;

    /// <summary>What <see cref="GatheredGets"/> would do when the threads that make gets have run.</summary>
    private readonly Queue<Action> _later = new();

    // Closed, nothing is answered: the first of many gets is not over before all have come.
    private readonly ManualResetEventSlim _mayAnswer = new(true);

    private int _queries;

    public void Dispose() => _mayAnswer.Dispose();

    [Test]
    public async Task Many_at_a_time_are_few_queries_and_each_has_its_row()
    {
        await using var nodes = await StartAsync(valueBytes: 10);
        var gets = Of(nodes.Client());
        var key = new CellValue[1];
        _mayAnswer.Reset();
        var rows = Enumerable.Range(0, 2 * Rows).Select(i =>
        {
            key[0] = i;
            return gets.GetAsync("t", key, null, default, default).AsTask();
        }).ToArray();
        RunLater();
        _mayAnswer.Set();
        await AllHaveTheirRowsAsync(rows);

        // One alone, six of 32, one of the seven that are left.
        Assert.That(_queries, Is.EqualTo(8));
        Assert.That((await gets.GetAsync("t", [1], null, default, default))!["id"].AsInt64(), Is.EqualTo(1), "alone again");
        Assert.That((_queries, _later.Count), Is.EqualTo((9, 0)));
    }

    [Test]
    public async Task A_key_that_is_refused_is_its_own_callers_trouble()
    {
        await using var nodes = await StartAsync(valueBytes: 10);
        var gets = Of(nodes.Client());
        var rows = Enumerable.Range(0, 10).Select(i => GetAsync(gets, i)).ToArray();
        var (wrongType, tooMany, tooLong) = (GetAsync(gets, "one"), GetAsync(gets, 1L, 2L), GetAsync(gets, new string('a', 5 << 20)));
        var noTable = gets.GetAsync("none", [1L], null, default, default).AsTask();
        RunLater();
        await AllHaveTheirRowsAsync(rows);
        Assert.That((await Thrown(wrongType)).Status, Is.EqualTo(TableStatus.TypeMismatch));
        Assert.That((await Thrown(tooMany)).Status, Is.EqualTo(TableStatus.InvalidArgument));
        Assert.That((await Thrown(tooLong)).Status, Is.EqualTo(TableStatus.TypeMismatch));
        Assert.That((await Thrown(noTable)).Status, Is.EqualTo(TableStatus.UnknownTable));
    }

    [Test]
    public async Task A_row_at_which_nodes_fail_fails_nobody_else()
    {
        await using var nodes = await StartAsync(valueBytes: 10);
        nodes[0].FailsAt = static query => query is GetRows rows && rows.Keys.Any(static k => k[0].AsInt64() == 7);
        var gets = Of(nodes.Client(new TableClientOptions { OperationTimeout = TimeSpan.FromSeconds(3) }));
        var rows = Enumerable.Range(0, 10).Select(i => GetAsync(gets, i)).ToArray();
        RunLater();
        var failing = rows[7];
        await AllHaveTheirRowsAsync(rows[..7]);
        Assert.That((await rows[8])!["id"].AsInt64(), Is.EqualTo(8));
        Assert.That(failing.IsCompleted, Is.False, "the others do not wait until its time is over");
        Assert.That(async () => await failing, Throws.InstanceOf<DelosException>().With.Property(nameof(DelosException.Code)).EqualTo(DelosErrorCode.Internal));
    }

    [Test]
    public async Task Rows_for_which_one_answer_has_no_room()
    {
        await using var nodes = await StartAsync(valueBytes: 200_000);
        var gets = Of(nodes.Client());
        await AllHaveTheirRowsAsync(Ask());
        Assert.That(_queries, Is.EqualTo(1 + 1 + 32), "one alone, one without room, and one for each of its rows");
        RunLater();
        await AllHaveTheirRowsAsync(Ask());
        Assert.That(_queries, Is.EqualTo(34 + 1 + 2), "from then on there is room");

        Task<VersionedRow?>[] Ask()
        {
            _mayAnswer.Reset();
            var asked = Enumerable.Range(0, 33).Select(i => GetAsync(gets, i)).ToArray();
            _mayAnswer.Set();
            return asked;
        }
    }

    [Test]
    public async Task Other_columns_and_levels_at_the_same_time()
    {
        await using var nodes = await StartAsync(valueBytes: 10);
        var gets = Of(nodes.Client());
        var columns = new List<string>();
        var asked = new List<(Task<VersionedRow?> Get, string[] Columns, int Key)>();
        _mayAnswer.Reset();
        for (var i = 0; i < 61; i++)
        {
            columns.Clear();
            columns.AddRange((i % 3) switch { 0 => ["id"], 1 => ["v"], _ => ["v", "id"] });
            asked.Add((gets.GetAsync("t", [i], columns, i % 2 == 0 ? TableReadLevel.Stale : TableReadLevel.Linearizable, default).AsTask(), [.. columns], i));
        }

        RunLater();
        _mayAnswer.Set();
        foreach (var (get, wanted, key) in asked)
        {
            var row = (await get)!;
            Assert.That(row.Values.Select(static c => c.Column), Is.EqualTo(wanted));
            if (wanted.Contains("id")) Assert.That(row["id"].AsInt64(), Is.EqualTo(key));
            if (wanted.Contains("v")) Assert.That(row["v"].AsBytes(), Has.All.EqualTo((byte)key));
        }

        Assert.That(_queries, Is.EqualTo(1 + 6));
    }

    [Test]
    public async Task Cancelling_one_leaves_the_others()
    {
        await using var nodes = await StartAsync(valueBytes: 10);
        var isSilent = true;
        nodes[0].IsSilentAbout = type => type == FrameType.TableRead && Volatile.Read(ref isSilent);
        var gets = Of(nodes.Client(new TableClientOptions { AttemptTimeout = TimeSpan.FromMilliseconds(200) }));
        using var cancellation = new CancellationTokenSource();
        var (first, other, cancelled) = (GetAsync(gets, 0), GetAsync(gets, 1), gets.GetAsync("t", [2], null, default, cancellation.Token).AsTask());
        RunLater();
        await cancellation.CancelAsync();
        Assert.That(async () => await cancelled, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(async () => await gets.GetAsync("t", [3], null, default, cancellation.Token), Throws.InstanceOf<OperationCanceledException>());
        Volatile.Write(ref isSilent, false);
        Assert.That(((await first)!["id"].AsInt64(), (await other)!["id"].AsInt64()), Is.EqualTo((0L, 1L)));
    }

    [Test]
    public async Task All_end_when_the_client_is_disposed()
    {
        await using var nodes = await StartAsync(valueBytes: 10);
        nodes[0].IsSilentAbout = static type => type == FrameType.TableRead;
        var client = nodes.Client(new TableClientOptions { OperationTimeout = TimeSpan.FromSeconds(1) });
        var gets = Of(client);
        var rows = Enumerable.Range(0, 40).Select(i => GetAsync(gets, i)).ToArray();
        await nodes.CloseAsync(client);
        RunLater();
        foreach (var row in rows) Assert.That(async () => await row.WaitAsync(Transport.Loopback.Patience), Throws.InstanceOf<DelosException>().Or.InstanceOf<ObjectDisposedException>());
    }

    private static Task<VersionedRow?> GetAsync(GatheredGets gets, params CellValue[] key) => gets.GetAsync("t", key, null, default, default).AsTask();

    /// <summary>A node with keys from 0 on.</summary>
    private async Task<TableNodes> StartAsync(int valueBytes)
    {
        var nodes = await TableNodes.StartAsync(1);
        var client = nodes.Client();
        await client.CreateTableAsync(new CreateTable("t", [new("id", ColumnType.Int64), new("v", ColumnType.Bytes)], "id"));
        for (var i = 0; i < Rows; i++) await client.Table("t").PutAsync(Row.Of(("id", i), ("v", ValueOf(i, valueBytes))));
        _queries = 0;
        nodes[0].FailsAt = query =>
        {
            _mayAnswer.Wait();
            if (query is GetRows) Interlocked.Increment(ref _queries);
            return false;
        };
        return nodes;
    }

    private GatheredGets Of(TableClient client) => new(client.Reads, _later.Enqueue);

    private void RunLater()
    {
        while (_later.TryDequeue(out var run)) run();
    }

    private static byte[] ValueOf(int key, int bytes)
    {
        var value = new byte[bytes];
        value.AsSpan().Fill((byte)key);
        return value;
    }

    /// <summary>In the order of the keys; null for those that are not there.</summary>
    private static async Task AllHaveTheirRowsAsync(Task<VersionedRow?>[] gets)
    {
        var rows = await Task.WhenAll(gets);
        for (var key = 0; key < rows.Length; key++)
        {
            if (key >= Rows)
            {
                Assert.That(rows[key], Is.Null);
                continue;
            }

            Assert.That(rows[key]!["id"].AsInt64(), Is.EqualTo(key));
            Assert.That(rows[key]!["v"].AsBytes(), Has.All.EqualTo((byte)key));
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
