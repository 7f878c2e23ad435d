using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Microsoft.Extensions.Logging;

namespace Delos.Client.Reconfiguration;

/// <summary>
/// Deletes Loglets that can never be installed, in the background: the caller has made sure of that (DESIGN §3: only once version <c>expected + 1</c> is decided without it, or if its write was never sent).
/// Failing leaves an empty Loglet on some disks, which harms nobody.
/// </summary>
internal sealed class CandidateCleaner(ILogletFactory loglets, ILogger logger) : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly HashSet<Task> _running = [];
    private readonly CancellationTokenSource _stop = new();
    private bool _closed;

    public void Delete(LogletConfig candidate)
    {
        lock (_lock)
        {
            if (_closed) return;
            _running.RemoveWhere(static t => t.IsCompleted);
            _running.Add(DeleteAsync(candidate));
        }
    }

    /// <summary>Gives what is running a second, then ends it.</summary>
    public async ValueTask DisposeAsync()
    {
        Task[] running;
        lock (_lock)
        {
            if (_closed) return;
            _closed = true;
            running = [.. _running];
        }

        _stop.CancelAfter(TimeSpan.FromSeconds(1));
        await Task.WhenAll(running).ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task DeleteAsync(LogletConfig candidate)
    {
        await Task.Yield();
        try
        {
            var loglet = loglets.Open(candidate);
            await using (loglet.ConfigureAwait(false))
            {
                await loglet.DeleteAsync(_stop.Token).ConfigureAwait(false);
            }
        }
        catch (Exception e)
        {
            logger.CandidateNotDeleted(candidate.Id, e);
        }
    }
}
