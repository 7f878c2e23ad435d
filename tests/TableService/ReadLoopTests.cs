using Delos.Protocol.Connections;
using Delos.Protocol.Messages;
using Delos.Protocol.Tables;
using Delos.Tests.Transport;

namespace Delos.Tests.TableService;

/// <summary>A read that waits for the disk holds up nothing else of its connection.</summary>
public sealed class ReadLoopTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    [Test]
    public async Task A_cold_read_at_any_level_does_not_hold_up_its_connection()
    {
        await using var nodes = await TableNodes.StartAsync(1);
        var tables = nodes.Client();
        await tables.CreateTableAsync(new CreateTable("t", [new("id", ColumnType.Int64)], "id"));
        await tables.Table("t").PutAsync(Row.Of(("id", 1L)));
        var connection = await nodes.DialAsync(0);
        var held = await ReadAsync(connection, new GetRows("t", [[1L]]), TableReadLevel.Linearizable, TableHold.Always);
        Assert.That(held.Hold, Is.Not.Zero);
        var view = QueryReplyCodec.Decode(held.Reply.Span)!.Snapshot;

        (TableQuery Query, TableReadLevel Level)[] cold =
        [
            (new GetRows("t", [[1L]]), TableReadLevel.Stale),
            (new GetRows("t", [[1L]]), TableReadLevel.After(1)),
            (new GetRows("t", [[1L]]), TableReadLevel.Within(TimeSpan.FromHours(1))),
            (new GetRows("t", [[1L]]), TableReadLevel.Linearizable),
            (new GetRows("t", [[1L]], Snapshot: view), TableReadLevel.Stale),
        ];
        foreach (var (query, level) in cold)
        {
            nodes[0].Stores.Hold();
            var waiting = ReadAsync(connection, query, level);
            await Loopback.UntilAsync(() => nodes[0].Stores.Held > 0, $"the read at level {level} waits for the disk");

            // Of the meta data alone, which are at hand: the next frame of the same connection.
            var other = await ReadAsync(connection, new DescribeTables("t"), TableReadLevel.Stale);
            Assert.That(QueryReplyCodec.Decode(other.Reply.Span)!.Status, Is.EqualTo(TableStatus.Ok));
            Assert.That(waiting.IsCompleted, Is.False);
            nodes[0].Stores.LetGo();
            Assert.That(((RowsResult)QueryReplyCodec.Decode((await waiting).Reply.Span)!.Result!).Rows[0], Is.Not.Null);
        }
    }

    private static async Task<TableReadReply> ReadAsync(Connection connection, TableQuery query, TableReadLevel level, TableHold hold = TableHold.None)
    {
        using var response = await connection.RequestAsync(new TableRead(level.Kind, level.Argument, hold, 0, TableQueryCodec.Encode(query))).AsTask().WaitAsync(s_patience);
        Assert.That(response.TryRead<TableReadReply>(out var reply), Is.True);
        return reply with { Reply = reply.Reply.ToArray() };
    }
}
