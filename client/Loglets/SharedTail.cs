namespace Delos.Client.Loglets;

/// <summary>
/// Lets concurrent callers of checkTail share one request that has not been sent yet, never one already sent: its answer could be older than the call (trap 20).
/// </summary>
/// <param name="ask">One round: from its call on, it sees everything acknowledged before.</param>
internal sealed class SharedTail(Func<Task<TailResult>> ask)
{
    private readonly Lock _lock = new();
    private Round? _next;
    private TaskCompletionSource? _ended;
    private bool _running;

    /// <summary>Completes when no round is out any more; never fails.</summary>
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
            joined = (_next ??= new Round()).Join();
            if (_running) return joined;
            _running = true;
        }

        BeginNext();
        return joined;
    }

    private void BeginNext()
    {
        if (TryBegin() is { } round) _ = RunAsync(round);
    }

    private async Task RunAsync(Round round)
    {
        // From here on nobody joins this round any more.
        var task = Ask();

        // Should the answer be there already: this thread is a caller's, who is not to do what those do who joined.
        await ((Task)task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);

        // What those do who joined this one may take long.
        BeginNext();
        round.End(task);
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

    private Round? TryBegin()
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

    /// <summary>Those who wait for one round. The first goes on on the thread that has the answer, which is mostly the only one, so that no other need be woken; each further one on a thread of its own.</summary>
    private sealed class Round
    {
        private readonly TaskCompletionSource<TailResult> _first = new();
        private TaskCompletionSource<TailResult>? _others;
        private bool _isJoined;

        /// <summary>Under the lock.</summary>
        public Task<TailResult> Join()
        {
            if (_isJoined) return (_others ??= new TaskCompletionSource<TailResult>(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            _isJoined = true;
            return _first.Task;
        }

        public void End(Task<TailResult> task)
        {
            _others?.SetFromTask(task);
            _first.SetFromTask(task);
        }
    }
}
