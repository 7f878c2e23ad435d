using Delos.Client;

namespace Delos.Bench.Peers;

/// <summary>Follows a log from its tail on.</summary>
internal sealed class DelosTailReader : ITailReader
{
    private readonly CancellationTokenSource _stop = new();
    private readonly DelosClient _client;
    private readonly Task _reading;
    private long _delivered;

    private DelosTailReader(DelosClient client, DelosLog log, long from)
    {
        _client = client;
        _reading = ReadAsync(log, from);
    }

    public long Delivered => Interlocked.Read(ref _delivered);

    public Exception? Failure => _reading.Exception?.InnerException;

    public static async Task<DelosTailReader> StartAsync(string endpoints, string name, CancellationToken cancellationToken)
    {
        var client = await DelosClient.ConnectAsync(endpoints, cancellationToken: cancellationToken).ConfigureAwait(false);
        var log = client.Log(name);
        return new DelosTailReader(client, log, await log.CheckTailAsync(cancellationToken).ConfigureAwait(false));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _client.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task ReadAsync(DelosLog log, long from)
    {
        await foreach (var _ in log.FollowAsync(from, _stop.Token).ConfigureAwait(false)) Interlocked.Increment(ref _delivered);
    }
}
