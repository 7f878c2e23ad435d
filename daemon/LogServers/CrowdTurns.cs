namespace Delos.Daemon.LogServers;

/// <summary>
/// When the many subscribers of one replica are served: in turns, each of which goes through all of them. The first news after a pause begin one at once; the next one begins no sooner than a time after the last that grows with
/// their number, so that the role makes no more than so many pushes a second however many follow, and each push brings what came meanwhile. Thread-safe.
/// </summary>
/// <param name="time">Time.</param>
/// <param name="perSubscriber">Between two pushes.</param>
/// <param name="begin">Has a turn begun, soon and on another thread, or calls <see cref="Ended"/>.</param>
internal sealed class CrowdTurns(TimeProvider time, TimeSpan perSubscriber, Action begin)
{
    /// <summary>The longest that a subscriber waits, however many there are.</summary>
    private static readonly TimeSpan s_longest = TimeSpan.FromMilliseconds(20);

    private readonly Lock _lock = new();
    private ITimer? _timer;
    private State _state;
    private int _count;
    private long _endedAt;

    private enum State : byte
    {
        Idle,

        /// <summary>The timer, or whoever has to begin, will.</summary>
        Due,

        Running,

        /// <summary>There are news that the turn may have passed by.</summary>
        RunningAndDue,
    }

    /// <summary>There is something new for so many subscribers.</summary>
    public void Ask(int count)
    {
        lock (_lock)
        {
            _count = count;
            if (_state != State.Idle)
            {
                if (_state == State.Running) _state = State.RunningAndDue;
                return;
            }

            _state = State.Due;
            var wait = TimeSpan.FromTicks(Math.Min(perSubscriber.Ticks * count, s_longest.Ticks)) - time.GetElapsedTime(_endedAt);
            if (_endedAt != 0 && wait > TimeSpan.Zero)
            {
                _timer ??= time.CreateTimer(static state => ((Action)state!)(), begin, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

                // Timers cut off parts of a millisecond.
                _timer.Change(TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds)), Timeout.InfiniteTimeSpan);
                return;
            }
        }

        begin();
    }

    /// <summary>A turn begins.</summary>
    public void Began()
    {
        lock (_lock) _state = State.Running;
    }

    /// <summary>It has ended, or nobody could begin it.</summary>
    public void Ended()
    {
        bool again;
        lock (_lock)
        {
            again = _state == State.RunningAndDue;
            _state = State.Idle;
            _endedAt = time.GetTimestamp();
        }

        if (again) Ask(_count);
    }
}
