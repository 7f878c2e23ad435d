using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.LogServers;

/// <summary>Work that nobody awaits where it begins (deletions, logs being closed): kept, observed and waited for at the end.</summary>
internal sealed class BackgroundTasks(ILogger logger) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<Task, byte> _running = new();

    public void Add(Task task)
    {
        var observed = ObserveAsync(task);
        if (observed.IsCompleted) return;
        _running.TryAdd(observed, 0);
        if (observed.IsCompleted) _running.TryRemove(observed, out _);
    }

    public async ValueTask DisposeAsync() => await Task.WhenAll(_running.Keys).ConfigureAwait(false);

    private async Task ObserveAsync(Task task)
    {
        try
        {
            await task.ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            logger.BackgroundWorkFailed(exception);
        }

        foreach (var (done, _) in _running)
        {
            if (done.IsCompleted) _running.TryRemove(done, out _);
        }
    }
}
