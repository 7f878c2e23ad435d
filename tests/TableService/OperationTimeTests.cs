using System.Diagnostics;
using Delos.Client;
using Delos.Client.Tables;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;
using Delos.Protocol.Tables;

namespace Delos.Tests.TableService;

/// <summary>Operations of a client end in their time, whatever does not answer: here one attempt alone may take far longer.</summary>
public sealed class OperationTimeTests
{
    /// <summary>On a machine that does other things, too.</summary>
    private static readonly TimeSpan s_margin = TimeSpan.FromSeconds(3);

    private static readonly TableClientOptions s_options = new() { OperationTimeout = TimeSpan.FromMilliseconds(300), AttemptTimeout = TimeSpan.FromSeconds(20) };

    [Test]
    public async Task With_all_nodes_frozen()
    {
        await using var nodes = await StartAsync();
        var tables = nodes.Client(s_options);
        var (fresh, known) = (nodes.Client(s_options), tables.Table("t"));
        await known.PutAsync(Row.Of(("id", 1L)));
        await using var pages = known.ScanPagesAsync(new ScanOptions { PageRows = 1 }).GetAsyncEnumerator();
        Assert.That(await pages.MoveNextAsync(), Is.True);
        var (reads, isFrozen) = (0, new TaskCompletionSource());
        var transaction = tables.TransactAsync(async tx =>
        {
            await tx.GetAsync("t", 1L);
            Interlocked.Increment(ref reads);
            await isFrozen.Task;
            await tx.GetAsync("t", 2L);
        }).AsTask();
        await Transport.Loopback.UntilAsync(() => nodes.All.Sum(static n => n.Load.Views) > 0 && Volatile.Read(ref reads) == 1, "the transaction has read");
        foreach (var node in nodes.All) node.IsSilentAbout = static type => type is FrameType.TableRead or FrameType.TablePropose or FrameType.TableOpenSession;
        isFrozen.SetResult();
        await Task.WhenAll(
            EndsAsync(DelosErrorCode.Unavailable, async () => await known.GetAsync([1L])),
            EndsAsync(DelosErrorCode.Unavailable, async () => await Task.WhenAll(known.GetAsync([1L]).AsTask(), known.GetAsync([2L]).AsTask())),
            EndsAsync(DelosErrorCode.Unavailable, async () => await tables.ListTablesAsync()),
            EndsAsync(DelosErrorCode.Unavailable, async () => await pages.MoveNextAsync()),
            EndsAsync(DelosErrorCode.Unavailable, () => transaction),
            EndsAsync(DelosErrorCode.OutcomeUnknown, async () => await known.PutAsync(Row.Of(("id", 1L)))),
            EndsAsync(DelosErrorCode.Unavailable, async () => await fresh.Table("t").PutAsync(Row.Of(("id", 1L)))),
            EndsAsync(DelosErrorCode.Unavailable, async () => await fresh.Table("t").GetAsync([1L])));
    }

    [Test]
    public async Task With_no_node_in_reach()
    {
        await using var nodes = await StartAsync();
        foreach (var node in nodes.All) await node.CloseDoorAsync();
        var tables = nodes.Client(s_options);
        await Task.WhenAll(
            EndsAsync(DelosErrorCode.Unavailable, async () => await tables.Table("t").GetAsync([1L])),
            EndsAsync(DelosErrorCode.Unavailable, async () => await tables.Table("t").PutAsync(Row.Of(("id", 1L)))),
            EndsAsync(DelosErrorCode.Unavailable, async () => await tables.TransactAsync(static async tx => await tx.GetAsync("t", 1L))));
    }

    [Test]
    public async Task With_a_MetaStore_that_does_not_answer()
    {
        await using var nodes = await StartAsync();
        var silence = new TaskCompletionSource();
        nodes.MetaStore.Answers = silence.Task;
        var tables = nodes.Client(s_options);
        await Task.WhenAll(
            EndsAsync(DelosErrorCode.Unavailable, async () => await tables.Table("t").GetAsync([1L])),
            EndsAsync(DelosErrorCode.Unavailable, async () => await tables.Table("t").PutAsync(Row.Of(("id", 1L)))));
        silence.SetResult();
    }

    [Test]
    public async Task With_more_writes_under_way_than_a_session_takes()
    {
        await using var nodes = await StartAsync();
        var tables = nodes.Client(s_options);
        await tables.Table("t").PutAsync(Row.Of(("id", 1L)));
        foreach (var node in nodes.All) node.IsSilentAbout = static type => type is FrameType.TablePropose;
        var begun = Stopwatch.GetTimestamp();
        var writes = Enumerable.Range(0, TablePropose.Window + 50).Select(async i =>
        {
            try
            {
                await tables.Table("t").PutAsync(Row.Of(("id", (long)i)));
                return DelosErrorCode.Internal;
            }
            catch (DelosException e)
            {
                return e.Code;
            }
        });
        var codes = await Task.WhenAll(writes);
        Assert.That(Stopwatch.GetElapsedTime(begun), Is.LessThan(s_options.OperationTimeout + s_margin));
        Assert.That(codes.Count(static c => c == DelosErrorCode.OutcomeUnknown), Is.GreaterThanOrEqualTo(TablePropose.Window));
        Assert.That(codes.Distinct(), Is.SubsetOf(new[] { DelosErrorCode.OutcomeUnknown, DelosErrorCode.Unavailable }));
    }

    [Test]
    public async Task A_lost_view_is_no_reason_to_run_a_transaction_for_longer()
    {
        await using var nodes = await StartAsync();
        var tables = nodes.Client(s_options with { OperationTimeout = TimeSpan.FromSeconds(2), AttemptTimeout = TimeSpan.FromMilliseconds(100) });
        await tables.Table("t").PutAsync(Row.Of(("id", 1L)));
        foreach (var node in nodes.All) node.IsSilentAboutViews = true;
        var runs = 0;
        await EndsAsync(DelosErrorCode.Unavailable, async () => await tables.TransactAsync(async tx =>
        {
            runs++;
            await tx.GetAsync("t", 1L);
            await tx.GetAsync("t", 2L);
        }));
        Assert.That(runs, Is.InRange(2, 40));
    }

    private static async Task<TableNodes> StartAsync()
    {
        var nodes = await TableNodes.StartAsync(2);
        var tables = nodes.Client();
        await tables.CreateTableAsync(new CreateTable("t", [new("id", ColumnType.Int64)], "id"));
        await tables.WriteAsync([.. Enumerable.Range(0, 5).Select(i => TableOp.Put("t", Row.Of(("id", (long)i))))]);
        return nodes;
    }

    private static async Task EndsAsync(DelosErrorCode code, Func<Task> operation)
    {
        var begun = Stopwatch.GetTimestamp();
        try
        {
            await operation().WaitAsync(s_options.AttemptTimeout / 2);
            Assert.Fail("It succeeded.");
        }
        catch (DelosException e)
        {
            Assert.That(e.Code, Is.EqualTo(code), e.Message);
        }

        Assert.That(Stopwatch.GetElapsedTime(begun), Is.LessThan(s_options.OperationTimeout + s_margin));
    }
}
