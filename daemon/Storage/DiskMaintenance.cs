using Delos.LocalStorage;

namespace Delos.Daemon.Storage;

/// <summary>
/// The thread for what a disk needs besides commits: files allocated ahead, generations closed, trimmed files deleted. Work that answers false (no space), or throws that there is none, is tried again after a while;
/// an exception is a failure of the disk.
/// </summary>
internal sealed class DiskMaintenance : IDisposable
{
    private readonly object _gate = new();
    private readonly Queue<Func<bool>> _work = new();
    private readonly PriorityQueue<Func<bool>, long> _background = new();
    private readonly List<Func<bool>> _again = [];
    private readonly TimeSpan _retry;
    private readonly Action<Exception> _fail;
    private readonly Thread _thread;
    private long _retryAt;
    private bool _stopping;

    public DiskMaintenance(TimeSpan retry, Action<Exception> fail)
    {
        _retry = retry;
        _fail = fail;
        _thread = new Thread(Run) { Name = "disk-maintenance", IsBackground = true };
        _thread.Start();
    }

    public void Post(Func<bool> work)
    {
        lock (_gate)
        {
            _work.Enqueue(work);
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Runs when there is nothing else to do, and not before <paramref name="pause"/> is over; dropped at the end.</summary>
    public void PostBackground(Func<bool> work, TimeSpan pause)
    {
        lock (_gate)
        {
            _background.Enqueue(work, Environment.TickCount64 + (long)pause.TotalMilliseconds);
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Runs what is queued, not what waits for space, and ends.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _stopping = true;
            Monitor.Pulse(_gate);
        }

        if (Thread.CurrentThread != _thread) _thread.Join();
    }

    private void Run()
    {
        while (Take() is { } work)
        {
            try
            {
                if (!work()) TryAgainLater(work);
            }
            catch (IOException shortage) when (IoException.TellsShortage(shortage))
            {
                TryAgainLater(work);
            }
            catch (Exception reason)
            {
                _fail(reason);
            }
        }
    }

    private void TryAgainLater(Func<bool> work)
    {
        lock (_gate)
        {
            if (_again.Count == 0) _retryAt = Environment.TickCount64 + (long)_retry.TotalMilliseconds;
            _again.Add(work);
        }
    }

    private Func<bool>? Take()
    {
        lock (_gate)
        {
            while (_work.Count == 0)
            {
                if (_stopping) return null;
                var now = Environment.TickCount64;
                var isBackground = _background.TryPeek(out _, out var dueAt);
                if (isBackground && dueAt <= now) return _background.Dequeue();
                var next = Math.Min(isBackground ? dueAt : long.MaxValue, _again.Count == 0 ? long.MaxValue : _retryAt);
                if (next == long.MaxValue) Monitor.Wait(_gate);
                else if (next > now) Monitor.Wait(_gate, TimeSpan.FromMilliseconds(next - now));
                TakeBack();
            }

            TakeBack();
            return _work.Dequeue();
        }
    }

    /// <summary>Queues what is to be tried again once its time has come, however much other work there is.</summary>
    private void TakeBack()
    {
        if (_again.Count == 0 || Environment.TickCount64 < _retryAt) return;
        foreach (var work in _again) _work.Enqueue(work);
        _again.Clear();
    }
}
