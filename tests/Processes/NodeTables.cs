using Delos.Client;
using Delos.Protocol.Messages;
using Delos.Protocol.Tables;

namespace Delos.Tests.Processes;

/// <summary>One table node, asked by its own frames: what the client library would hide, such as which node answers.</summary>
internal sealed class NodeTables(DelosClient client, uint node)
{
    public async Task<(QueryReply Reply, ulong Hold)> ReadAsync(TableQuery query, TableReadLevel level = default, TableHold hold = TableHold.None) =>
        await ReadBytesAsync(TableQueryCodec.Encode(query), level, hold);

    public async Task<(QueryReply Reply, ulong Hold)> ReadBytesAsync(byte[] query, TableReadLevel level = default, TableHold hold = TableHold.None)
    {
        await client.Nodes!.RefreshAsync();
        var connection = await client.Nodes.ConnectAsync(node);
        using var response = await connection.RequestAsync(new TableRead(level.Kind, level.Argument, hold, 0, query)).AsTask().WaitAsync(TimeSpan.FromSeconds(30));
        Assert.That(response.TryRead<TableReadReply>(out var reply), Is.True);
        return (QueryReplyCodec.Decode(reply.Reply.Span)!, reply.Hold);
    }

    public async Task ReleaseAsync(ulong hold)
    {
        var connection = await client.Nodes!.ConnectAsync(node);
        connection.Enqueue(new TableRelease(hold));
        connection.Flush();
    }

    public async Task<TableProposeReply> ProposeAsync(byte[] command, ulong session = 0, ulong sequence = 0, ulong floor = 0)
    {
        await client.Nodes!.RefreshAsync();
        var connection = await client.Nodes.ConnectAsync(node);
        using var response = await connection.RequestAsync(new TablePropose(session, sequence, floor, command)).AsTask().WaitAsync(TimeSpan.FromSeconds(30));
        Assert.That(response.TryRead<TableProposeReply>(out var reply), Is.True);
        return reply;
    }

    public async Task<ulong> OpenSessionAsync()
    {
        var connection = await client.Nodes!.ConnectAsync(node);
        using var response = await connection.RequestAsync(new TableOpenSession()).AsTask().WaitAsync(TimeSpan.FromSeconds(30));
        Assert.That(response.TryRead<TableOpenSessionReply>(out var reply), Is.True);
        return reply.Session;
    }
}
