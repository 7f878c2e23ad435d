using Delos.Client.Tables;
using Delos.Protocol.Tables;

namespace Delos.Bench.Peers;

/// <summary>Watches the table from now on.</summary>
internal sealed class DelosTableReader : ITailReader
{
    private readonly CancellationTokenSource _stop = new();
    private readonly TableClient _client;
    private readonly Task _reading;
    private long _delivered;

    private DelosTableReader(TableClient client, RowVersion after)
    {
        _client = client;
        _reading = ReadAsync(after);
    }

    public long Delivered => Interlocked.Read(ref _delivered);

    public Exception? Failure => _reading.Exception?.InnerException;

    public static async Task<ITailReader> StartAsync(string endpoints, CancellationToken cancellationToken)
    {
        var client = TableClient.Connect(endpoints);
        var present = await client.QueryAsync(new DescribeTables(DelosTableClient.TableName), cancellationToken: cancellationToken).ConfigureAwait(false);
        return new DelosTableReader(client, present.Snapshot.Version);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _client.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task ReadAsync(RowVersion after)
    {
        var changes = _client.Table(DelosTableClient.TableName).WatchAsync(new WatchOptions { After = after }, _stop.Token);
        await foreach (var _ in changes.ConfigureAwait(false)) Interlocked.Increment(ref _delivered);
    }
}
