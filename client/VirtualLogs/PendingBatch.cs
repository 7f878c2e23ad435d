namespace Delos.Client.VirtualLogs;

/// <summary>Appends that one call made: the caller has one answer, when the last of them has its own.</summary>
internal sealed class PendingBatch
{
    private readonly TaskCompletionSource<long[]> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long[] _positions;
    private CancellationTokenRegistration _cancellation;
    private Exception? _failure;
    private int _left;
    private bool _cancelled;

    /// <param name="count">Appends, at least 1.</param>
    public PendingBatch(int count)
    {
        _positions = new long[count];
        _left = count;
    }

    /// <summary>The positions, in the order of the call; or the first failure.</summary>
    public Task<long[]> Answer => _answer.Task;

    /// <summary>The caller has its answer already: it cancelled.</summary>
    public bool IsCancelled => Volatile.Read(ref _cancelled);

    /// <summary>Before the appends are handed over.</summary>
    public void Begin(CancellationToken cancellationToken)
    {
        if (cancellationToken.CanBeCanceled) _cancellation = cancellationToken.UnsafeRegister(static (state, token) => ((PendingBatch)state!).Cancel(token), this);
    }

    /// <summary>One of them is over. From any thread.</summary>
    public void OnAnswered(int index, long position, Exception? error)
    {
        _positions[index] = position;
        if (error is not null) Interlocked.CompareExchange(ref _failure, error, null);
        if (Interlocked.Decrement(ref _left) > 0) return;
        _cancellation.Dispose();
        if (_failure is { } failure) _answer.TrySetException(failure);
        else _answer.TrySetResult(_positions);
    }

    private void Cancel(CancellationToken token)
    {
        Volatile.Write(ref _cancelled, true);
        _answer.TrySetException(new OperationCanceledException("The appends were cancelled; those that were not still waiting for room may be in the log all the same.", token));
    }
}
