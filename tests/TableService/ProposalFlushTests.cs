using Delos.Protocol.Identity;
using Delos.Protocol.Messages;
using Delos.Protocol.Tables;
using Delos.Tests.Transport;

namespace Delos.Tests.TableService;

/// <summary>What becomes of the proposals that one receive brings.</summary>
public sealed class ProposalFlushTests
{
    [Test]
    public async Task Those_of_one_receive_become_one_entry_and_are_all_answered()
    {
        await using var nodes = await TableNodes.StartAsync(1);
        await nodes.Client().CreateTableAsync(new CreateTable("t", [new("id", ColumnType.Int64)], "id"));
        var connection = await nodes.DialAsync(0);
        var before = nodes[0].Runtime.Status.Cursor;
        var asking = Enumerable.Range(0, 50).Select(i => connection.EnqueueRequestAsync(Put(i), []).AsTask()).ToArray();
        connection.Flush();
        foreach (var answer in await Task.WhenAll(asking).WaitAsync(TimeSpan.FromSeconds(20)))
        {
            Assert.That(answer.TryRead<TableProposeReply>(out var reply), Is.True);
            Assert.That(reply.Outcome, Is.EqualTo(ProposeOutcome.Applied));
            answer.Dispose();
        }

        // A few, in case the bytes came in pieces.
        Assert.That(nodes[0].Runtime.Status.Cursor - before, Is.LessThanOrEqualTo(3));
        Assert.That(nodes[0].Load.Requests, Is.Zero);
    }

    [Test]
    public async Task Those_of_a_connection_that_ends_in_the_same_receive_are_carried_out()
    {
        await using var nodes = await TableNodes.StartAsync(1);
        var client = nodes.Client();
        await client.CreateTableAsync(new CreateTable("t", [new("id", ColumnType.Int64)], "id"));
        var connection = await nodes.DialAsync(0);
        connection.Enqueue(Put(1), 1);
        connection.Enqueue(new Hello(1, 1, Loopback.Cluster, 0, NodeRoles.None, 0, Guid.Empty, PeerLimits.Default));
        connection.Flush();
        await connection.Completion.WaitAsync(TimeSpan.FromSeconds(20));
        await Loopback.UntilAsync(() => nodes[0].Load.Requests == 0, "the proposal is not in hand any more");
        Assert.That(await client.Table("t").GetAsync([1L]), Is.Not.Null);
    }

    private static TablePropose Put(long id) => new(0, 0, 0, TableCommandCodec.Encode(new Transact([TableOp.Put("t", Row.Of(("id", id)), default)])));
}
