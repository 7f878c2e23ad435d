namespace Delos.Daemon.Tables;

/// <summary>A stop that ends in time, whatever hangs in it.</summary>
internal static class BoundedStop
{
    /// <summary>Never fails, and never takes much longer than it may.</summary>
    /// <param name="stop">Begun on a thread of its own, so that one that blocks cannot hold up the caller.</param>
    /// <param name="atMost">How long it is waited for; it goes on afterwards, and how it ends is not heard of.</param>
    /// <param name="timedOut">Called if that was not enough.</param>
    /// <param name="failed">Called if it fails in time.</param>
    public static async ValueTask RunAsync(Func<Task> stop, TimeSpan atMost, Action timedOut, Action<Exception> failed)
    {
        var stopping = Task.Run(stop);
        try
        {
            await stopping.WaitAsync(atMost).ConfigureAwait(false);
        }
        catch (TimeoutException) when (!stopping.IsCompleted)
        {
            timedOut();
            _ = stopping.ContinueWith(static t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            failed(e);
        }
    }
}
