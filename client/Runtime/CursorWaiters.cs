namespace Delos.Runtime;

/// <summary>Those who wait until the replica has applied everything below some position. Thread-safe.</summary>
internal sealed class CursorWaiters
{
    private readonly Lock _lock = new();
    private readonly PriorityQueue<TaskCompletionSource, long> _waiting = new();
    private long _cursor;
    private Exception? _stopped;

    /// <summary>First position not applied.</summary>
    public long Cursor => Volatile.Read(ref _cursor);

    public Task WaitAsync(long next, CancellationToken cancellationToken)
    {
        if (Cursor >= next) return Task.CompletedTask;
        TaskCompletionSource waiter;
        lock (_lock)
        {
            if (_cursor >= next) return Task.CompletedTask;
            if (_stopped is { } stopped) return Task.FromException(stopped);
            waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Enqueue(waiter, next);
        }

        return cancellationToken.CanBeCanceled ? waiter.Task.WaitAsync(cancellationToken) : waiter.Task;
    }

    public void Advance(long cursor)
    {
        lock (_lock)
        {
            Volatile.Write(ref _cursor, cursor);
            while (_waiting.TryPeek(out var waiter, out var next) && next <= cursor)
            {
                _waiting.Dequeue();
                waiter.TrySetResult();
            }
        }
    }

    /// <summary>Nothing is applied for now: who waits, and whoever comes, fails with that; null: it goes on.</summary>
    public void Stop(Exception? reason)
    {
        lock (_lock)
        {
            _stopped = reason;
            if (reason is null) return;
            while (_waiting.TryDequeue(out var waiter, out _)) waiter.TrySetException(reason);
        }
    }
}
