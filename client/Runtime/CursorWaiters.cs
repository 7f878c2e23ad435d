using Delos.Client;

namespace Delos.Runtime;

/// <summary>Those who wait until the replica has applied everything below some position: all who wait for the same one share one task, which outlives those who gave up. Thread-safe.</summary>
internal sealed class CursorWaiters
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<long, TaskCompletionSource> _waiting = [];
    private long _cursor;
    private DelosException? _stopped;

    /// <summary>First position not applied.</summary>
    public long Cursor => Volatile.Read(ref _cursor);

    public Task WaitAsync(long next)
    {
        if (Cursor >= next) return Task.CompletedTask;
        lock (_lock)
        {
            if (_cursor >= next) return Task.CompletedTask;
            if (_stopped is { } stopped) return Task.FromException(new DelosException(stopped.Code, stopped.Message));
            if (!_waiting.TryGetValue(next, out var waiter)) _waiting[next] = waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return waiter.Task;
        }
    }

    public void Advance(long cursor)
    {
        lock (_lock)
        {
            Volatile.Write(ref _cursor, cursor);
            while (_waiting.Count > 0 && _waiting.First() is var (next, waiter) && next <= cursor)
            {
                _waiting.Remove(next);
                waiter.TrySetResult();
            }
        }
    }

    /// <summary>Nothing is applied for now: who waits, and whoever comes, fails with that; null: it goes on.</summary>
    public void Stop(DelosException? reason)
    {
        lock (_lock)
        {
            _stopped = reason;
            if (reason is null) return;
            foreach (var waiter in _waiting.Values) waiter.TrySetException(new DelosException(reason.Code, reason.Message));
            _waiting.Clear();
        }
    }
}
