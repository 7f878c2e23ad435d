using System.Threading.Tasks.Sources;

namespace Delos.Protocol.Connections;

/// <summary>Counts pauses; lets one reader wait, without allocating, until as many resumes came, or until it is opened for good.</summary>
internal sealed class PauseGate : IValueTaskSource
{
    private readonly Lock _lock = new();
    private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = true };
    private int _pauses;
    private bool _waiting;
    private bool _open;

    public bool IsPaused => Volatile.Read(ref _pauses) > 0;

    public void Pause()
    {
        lock (_lock) _pauses++;
    }

    public void Resume()
    {
        lock (_lock)
        {
            if (_pauses == 0) throw new InvalidOperationException("More resumes than pauses.");
            if (--_pauses > 0 || !_waiting) return;
            _waiting = false;
        }

        _core.SetResult(true);
    }

    /// <summary>Nobody waits any more, whatever the count.</summary>
    public void Open()
    {
        lock (_lock)
        {
            _open = true;
            if (!_waiting) return;
            _waiting = false;
        }

        _core.SetResult(true);
    }

    /// <summary>Completes when nothing pauses; at most one waiter.</summary>
    public ValueTask WaitAsync()
    {
        lock (_lock)
        {
            if (_pauses == 0 || _open) return default;
            _core.Reset();
            _waiting = true;
            return new ValueTask(this, _core.Version);
        }
    }

    public void GetResult(short token) => _core.GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => _core.OnCompleted(continuation, state, token, flags);
}
