using Delos.Client.MetaStore;
using Delos.Protocol.Identity;

namespace Delos.Daemon.Monitoring;

/// <summary>
/// Runs on every MetaStore node and keeps all logs writable: watches each log's active segment (<see cref="LogWatch"/>) and sees to a successor when its sequencer is gone, when it is sealed
/// without one, or when a spare can take a lost LogServer's place.
/// </summary>
internal sealed class SegmentMonitor : IAsyncDisposable
{
    private readonly MonitorParts _parts;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, (LogWatch Watch, Task Run)> _watches = new(StringComparer.Ordinal);
    private readonly Task _run;

    public SegmentMonitor(MonitorParts parts)
    {
        _parts = parts;
        _run = RunAsync(_stopping.Token);
    }

    /// <summary>A Loglet ended on this node, or was seen sealed. Returns at once.</summary>
    public void Notice(LogletId loglet)
    {
        lock (_lock)
        {
            foreach (var (watch, _) in _watches.Values)
            {
                if (watch.Watches(loglet)) watch.Notice();
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _run.ConfigureAwait(false);
        Task[] runs;
        lock (_lock) runs = [.. _watches.Values.Select(w => w.Run)];
        await Task.WhenAll(runs).ConfigureAwait(false);
        _stopping.Dispose();
    }

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await _parts.Nodes.RefreshAsync(cancellationToken).ConfigureAwait(false);
                foreach (var log in await _parts.Chains.ListLogsAsync(cancellationToken).ConfigureAwait(false)) Watch(log, cancellationToken);

                // A reconfiguration should find its connections open.
                await _parts.Placement.WarmUpAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is MetaStoreUnavailableException or InvalidDataException)
            {
                _parts.Logger.MonitorCannotList(e.Message);
            }
            catch (Exception e)
            {
                _parts.Logger.MonitoringFailed(e, "The segment monitor");
            }

            await Task.Delay(_parts.Options.ChainInterval, _parts.TimeProvider, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Watch(string log, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_watches.ContainsKey(log)) return;
            var watch = new LogWatch(log, _parts);
            _watches.Add(log, (watch, watch.RunAsync(cancellationToken)));
            _parts.Logger.LogWatched(log);
        }
    }
}
