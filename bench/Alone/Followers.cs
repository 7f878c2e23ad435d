using System.Diagnostics;
using Delos.Client;

namespace Delos.Bench.Alone;

/// <summary>Readers that follow a log's tail, over one client or several.</summary>
internal sealed class Followers : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopped = new();
    private readonly List<DelosClient> _clients = [];
    private readonly List<Task> _runs = [];
    private readonly long[] _positions;

    private Followers(int count) => _positions = Enumerable.Repeat(-1L, count).ToArray();

    /// <summary>The log must exist, or come to be by its first append.</summary>
    /// <param name="endpoints">Of the cluster.</param>
    /// <param name="log">Its name.</param>
    /// <param name="count">Readers.</param>
    /// <param name="clients">Among which they are dealt out; each has connections of its own.</param>
    /// <param name="delivered">The first reader notes here when it had each position; null: nobody does.</param>
    /// <param name="cancellationToken">Of the start.</param>
    public static async Task<Followers> StartAsync(string endpoints, string log, int count, int clients, long[]? delivered, CancellationToken cancellationToken)
    {
        var followers = new Followers(count);
        for (var i = 0; i < clients; i++) followers._clients.Add(await DelosClient.ConnectAsync(endpoints, cancellationToken: cancellationToken).ConfigureAwait(false));
        for (var i = 0; i < count; i++) followers._runs.Add(followers.FollowAsync(followers._clients[i % clients].Log(log), i, i == 0 ? delivered : null));
        return followers;
    }

    /// <summary>How many entries the readers have had together.</summary>
    public long DeliveredToAll => _positions.Sum(static p => p + 1);

    /// <summary>Until all readers have that position. Throws what ended one of them.</summary>
    public async Task ReachAsync(long position, CancellationToken cancellationToken)
    {
        while (_positions.Any(p => p < position))
        {
            await ThrowIfEndedAsync().ConfigureAwait(false);
            await Task.Delay(1, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Throws what ended one of them.</summary>
    public Task ThrowIfEndedAsync() => _runs.Find(static r => r.IsCompleted) ?? Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _stopped.CancelAsync().ConfigureAwait(false);
        foreach (var run in _runs) await run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var client in _clients) await client.DisposeAsync().ConfigureAwait(false);
        _stopped.Dispose();
    }

    private async Task FollowAsync(DelosLog log, int index, long[]? delivered)
    {
        await foreach (var entry in log.FollowAsync(0, _stopped.Token).ConfigureAwait(false))
        {
            if (delivered is not null && entry.Position < delivered.Length) delivered[entry.Position] = Stopwatch.GetTimestamp();
            Volatile.Write(ref _positions[index], entry.Position);
        }
    }
}
