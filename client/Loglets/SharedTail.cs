namespace Delos.Client.Loglets;

/// <summary>
/// Lets concurrent callers of checkTail share one request that has not been sent yet, never one already sent: its answer could be older than the call (trap 20).
/// </summary>
/// <param name="ask">One round: from its call on, it sees everything acknowledged before.</param>
internal sealed class SharedTail(Func<Task<TailResult>> ask)
{
    private readonly Lock _lock = new();
    private TaskCompletionSource<TailResult>? _next;
    private Task _rounds = Task.CompletedTask;
    private bool _running;

    /// <summary>Completes when the rounds that were begun have ended; never fails.</summary>
    public Task Idle
    {
        get
        {
            lock (_lock) return _rounds;
        }
    }

    public Task<TailResult> JoinAsync()
    {
        lock (_lock)
        {
            _next ??= new TaskCompletionSource<TailResult>(TaskCreationOptions.RunContinuationsAsynchronously);
            var joined = _next.Task;
            if (!_running)
            {
                _running = true;
                _rounds = RunAsync();
            }

            return joined;
        }
    }

    private async Task RunAsync()
    {
        // Off the first caller's lock.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        while (true)
        {
            TaskCompletionSource<TailResult> round;
            lock (_lock)
            {
                if (_next is null)
                {
                    _running = false;
                    return;
                }

                round = _next;
                _next = null;
            }

            // From here on nobody joins this round any more.
            var task = ask();
            await ((Task)task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            round.SetFromTask(task);
        }
    }
}
