using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Storage;

/// <summary>
/// The one I/O thread of a disk. Every log that was kicked is committed in the next round: its queued pages are written durably, its listener hears the durable address, and after
/// the round <see cref="RoundEnded"/> runs once. What comes in meanwhile is the next round; there are no timers to wait for, so one append alone waits for nothing but the disk.
/// <para>An I/O error is final (DESIGN §6): every log is told, nothing is reported durable any more, every later append fails, nothing is tried again.</para>
/// </summary>
public sealed class GroupCommit : IDisposable
{
    /// <summary>A disk that takes so long for one round is not what a log should stand on, or something else uses it up; it is told.</summary>
    private static readonly TimeSpan s_slow = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private readonly Doorbell _doorbell = new();
    private readonly List<RecordLog> _logs = [];
    private readonly List<RecordLog> _unproven = [];
    private readonly StorageOptions _options;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly Thread _thread;
    private List<RecordLog> _kicked = [];
    private List<RecordLog> _round = [];
    private Exception? _failure;
    private long _nextCheckpointPass;
    private bool _stopping;
    private bool _isWaiting;

    public GroupCommit(StorageOptions options, ILogger logger, TimeProvider time)
    {
        _options = options.Validate();
        _logger = logger;
        _time = time;
        Maintenance = new DiskMaintenance(options.SpaceRetry, Fail);
        _thread = new Thread(Run) { Name = "group-commit", IsBackground = true };
        _thread.Start();
    }

    /// <summary>After every round, on the I/O thread: flush what the listeners enqueued, and let sequencers of this process take it up. Never wait, never throw.</summary>
    public event Action? RoundEnded;

    /// <summary>Why the disk failed; null while it works.</summary>
    public Exception? Failure => Volatile.Read(ref _failure);

    /// <summary>Once, with the reason, when the disk failed; the logs' listeners hear it too. From any thread.</summary>
    public event Action<Exception>? Failed;

    /// <summary>Counters of this disk.</summary>
    public StorageCounters Counters { get; } = new();

    internal StorageOptions Options => _options;

    internal DiskMaintenance Maintenance { get; }

    internal TimeProvider Time => _time;

    internal ILogger Logger => _logger;

    /// <summary>Declares the disk failed; the I/O thread tells every log and ends. The first reason stays.</summary>
    internal void Fail(Exception reason)
    {
        if (Interlocked.CompareExchange(ref _failure, reason, null) is not null) return;
        Log.DiskFailed(_logger, reason);
        _doorbell.Ring();
        Failed?.Invoke(reason);
    }

    internal void Register(RecordLog log)
    {
        lock (_gate) _logs.Add(log);
    }

    internal void Unregister(RecordLog log)
    {
        lock (_gate) _logs.Remove(log);
    }

    /// <summary>Puts a log into the next round.</summary>
    internal void Kick(RecordLog log)
    {
        bool isWaiting;
        lock (_gate)
        {
            _kicked.Add(log);
            isWaiting = _isWaiting;
            _isWaiting = false;
        }

        if (isWaiting) _doorbell.Ring();
    }

    /// <summary>Ends the threads after the round under way. Close the logs first.</summary>
    public void Dispose()
    {
        Maintenance.Dispose();
        lock (_gate) _stopping = true;
        _doorbell.Ring();
        if (Thread.CurrentThread != _thread) _thread.Join();
    }

    private void Run()
    {
        try
        {
            while (WaitForRound())
            {
                var started = _time.GetTimestamp();
                foreach (var log in _round)
                {
                    log.RunCommit();
                    if (log.NeedsCheckpoint && !_unproven.Contains(log)) _unproven.Add(log);
                }

                RoundEnded?.Invoke();
                var took = _time.GetElapsedTime(started);
                Counters.RoundDone(took);
                if (took >= s_slow) Log.CommitSlow(_logger, _round.Count, took);
                _round.Clear();
                if (_unproven.Count > 0) WriteCheckpoints();
            }
        }
        catch (Exception reason)
        {
            // Whatever it is, what was to be durable is not, and nobody may go on as if it were.
            Fail(reason);
        }

        // Told here, where no lock is held, whichever thread met the error.
        if (Failure is not { } failure) return;
        RecordLog[] logs;
        lock (_gate) logs = [.. _logs];
        foreach (var log in logs) log.Fail(failure);
    }

    /// <summary>False: the end.</summary>
    private bool WaitForRound()
    {
        var isTimeOver = false;
        while (true)
        {
            lock (_gate)
            {
                _isWaiting = false;
                if (_kicked.Count > 0 || isTimeOver)
                {
                    (_round, _kicked) = (_kicked, _round);
                    return Failure is null;
                }

                if (_stopping || Failure is not null) return false;
                _isWaiting = true;
            }

            isTimeOver = !_doorbell.Wait(_unproven.Count == 0 ? null : _options.IdleCheckpoint);
        }
    }

    /// <summary>Logs that were quiet for a while get a checkpoint record, which the next round makes durable.</summary>
    private void WriteCheckpoints()
    {
        var now = _time.GetTimestamp();
        if (now < _nextCheckpointPass) return;
        var idle = (long)(_options.IdleCheckpoint.TotalSeconds * _time.TimestampFrequency);
        _nextCheckpointPass = now + idle / 4;
        for (var i = _unproven.Count - 1; i >= 0; i--)
        {
            var log = _unproven[i];
            if (log.NeedsCheckpoint)
            {
                if (now - log.LastCommit < idle) continue;
                log.WriteCheckpoint();
            }

            _unproven.RemoveAt(i);
        }
    }
}
