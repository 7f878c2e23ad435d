namespace Delos.Client.Loglets;

/// <summary>
/// Lets concurrent callers of checkTail share one request that has not been sent yet, never one already sent: its answer could be older than the call (trap 20).
/// </summary>
/// <param name="ask">One round: from its call on, it sees everything acknowledged before.</param>
internal sealed class SharedTail(Func<Task<TailResult>> ask)
{
    private readonly Lock _lock = new();
    private TaskCompletionSource<TailResult>? _next;
    private TaskCompletionSource? _ended;
    private bool _running;

    /// <summary>Completes when the rounds that were begun have ended; never fails.</summary>
    public Task Idle
    {
        get
        {
            lock (_lock) return _running ? (_ended ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task : Task.CompletedTask;
        }
    }

    /// <summary>The first caller's thread begins the round, which only sends a request; answers come on others.</summary>
    public Task<TailResult> JoinAsync()
    {
        Task<TailResult> joined;
        lock (_lock)
        {
            _next ??= new TaskCompletionSource<TailResult>(TaskCreationOptions.RunContinuationsAsynchronously);
            joined = _next.Task;
            if (_running) return joined;
            _running = true;
        }

        _ = RunAsync();
        return joined;
    }

    private async Task RunAsync()
    {
        while (TryBegin() is { } round)
        {
            // From here on nobody joins this round any more.
            var task = Ask();
            await ((Task)task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            round.SetFromTask(task);
        }
    }

    private Task<TailResult> Ask()
    {
        try
        {
            return ask();
        }
        catch (Exception e)
        {
            // Else nobody would ever ask again.
            return Task.FromException<TailResult>(e);
        }
    }

    private TaskCompletionSource<TailResult>? TryBegin()
    {
        TaskCompletionSource? ended;
        lock (_lock)
        {
            (var round, _next) = (_next, null);
            if (round is not null) return round;
            _running = false;
            (ended, _ended) = (_ended, null);
        }

        ended?.SetResult();
        return null;
    }
}
