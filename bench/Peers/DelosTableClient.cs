using Delos.Client;
using Delos.Client.Tables;
using Delos.Protocol.Tables;

namespace Delos.Bench.Peers;

/// <summary>One connection to a Delos cluster, and one table: a number as its key, and bytes.</summary>
internal sealed class DelosTableClient(string endpoints) : IPeerClient
{
    public const string TableName = "bench";

    /// <summary>Rows that are written, one after the other.</summary>
    public const int Keys = 1024;

    private readonly TableClient _client = TableClient.Connect(endpoints);
    private int _next;

    public async Task CreateTableAsync(CancellationToken cancellationToken)
    {
        ColumnDefinition[] columns = [new("id", ColumnType.Int64), new("value", ColumnType.Bytes)];
        await _client.CreateTableAsync(new CreateTable(TableName, columns, "id"), cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> payload)
    {
        var key = (int)((uint)Interlocked.Increment(ref _next) % Keys);
        try
        {
            await _client.Table(TableName).PutAsync(Row.Of(("id", CellValue.Of((long)key)), ("value", CellValue.Of(payload.ToArray())))).ConfigureAwait(false);
        }
        catch (Exception e) when (e is DelosException or TableException)
        {
            throw new PeerException(e.Message, e);
        }
    }

    public async ValueTask ReadAsync()
    {
        try
        {
            if (await _client.Table(TableName).GetAsync([CellValue.Of(1L)]).ConfigureAwait(false) is null) throw new PeerException("The row is not there.");
        }
        catch (Exception e) when (e is DelosException or TableException)
        {
            throw new PeerException(e.Message, e);
        }
    }

    public async ValueTask ScanAsync(int rows)
    {
        var read = 0;
        try
        {
            await foreach (var page in _client.Table(TableName).ScanPagesAsync(new ScanOptions { Limit = rows }).ConfigureAwait(false)) read += page.Rows.Count;
        }
        catch (Exception e) when (e is DelosException or TableException)
        {
            throw new PeerException(e.Message, e);
        }

        if (read != rows) throw new PeerException($"There are {read} rows only.");
    }

    public ValueTask DisposeAsync() => _client.DisposeAsync();
}
