using Delos.Client;

namespace Delos.Runtime;

/// <summary>Those who wait until the replica has applied everything below some position: all who wait for the same one share one task. Thread-safe.</summary>
internal sealed class CursorWaiters
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<long, Waiting> _waiting = [];
    private long _cursor;
    private DelosException? _stopped;

    /// <summary>First position not applied.</summary>
    public long Cursor => Volatile.Read(ref _cursor);

    /// <summary>Who does not wait to the end says so: <see cref="GiveUp"/>.</summary>
    public Task WaitAsync(long next)
    {
        if (Cursor >= next) return Task.CompletedTask;
        lock (_lock)
        {
            if (_cursor >= next) return Task.CompletedTask;
            if (_stopped is { } stopped) return Task.FromException(new DelosException(stopped.Code, stopped.Message));
            if (!_waiting.TryGetValue(next, out var waiting)) _waiting[next] = waiting = new Waiting();
            waiting.Count++;
            return waiting.Reached.Task;
        }
    }

    /// <summary>One of those who wait for that position does not any more: of positions that are never reached nothing is kept.</summary>
    public void GiveUp(long next, Task task)
    {
        lock (_lock)
        {
            if (_waiting.TryGetValue(next, out var waiting) && waiting.Reached.Task == task && --waiting.Count == 0) _waiting.Remove(next);
        }
    }

    public void Advance(long cursor)
    {
        lock (_lock)
        {
            Volatile.Write(ref _cursor, cursor);
            while (_waiting.Count > 0 && _waiting.First() is var (next, waiting) && next <= cursor)
            {
                _waiting.Remove(next);
                waiting.Reached.TrySetResult();
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
            foreach (var waiting in _waiting.Values) waiting.Reached.TrySetException(new DelosException(reason.Code, reason.Message));
            _waiting.Clear();
        }
    }

    private sealed class Waiting
    {
        public TaskCompletionSource Reached { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Count { get; set; }
    }
}
