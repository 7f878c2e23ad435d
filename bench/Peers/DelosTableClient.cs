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

    public async ValueTask<long> WriteAsync(ReadOnlyMemory<byte> payload)
    {
        var key = (int)((uint)Interlocked.Increment(ref _next) % Keys);
        await _client.Table(TableName).PutAsync(Row.Of(("id", CellValue.Of((long)key)), ("value", CellValue.Of(payload.ToArray())))).ConfigureAwait(false);
        return 0;
    }

    public async ValueTask<long> ReadAsync() =>
        await _client.Table(TableName).GetAsync([CellValue.Of(1L)]).ConfigureAwait(false) is null ? throw new PeerException("The row is not there.") : 1;

    public async ValueTask<long> ScanAsync(int rows)
    {
        var read = 0;
        await foreach (var page in _client.Table(TableName).ScanPagesAsync(new ScanOptions { Limit = rows }).ConfigureAwait(false)) read += page.Rows.Count;
        return read == rows ? read : throw new PeerException($"There are {read} rows only.");
    }

    public bool IsFailure(Exception exception) => exception is PeerException or DelosException or TableException;

    public ValueTask DisposeAsync() => _client.DisposeAsync();
}
