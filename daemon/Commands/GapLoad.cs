using System.Diagnostics;
using Delos.Client;

namespace Delos.Daemon.Commands;

/// <summary>A closed loop of appends that notes how long the log stood still: the time between two acknowledgements that follow each other, over all that are outstanding.</summary>
internal sealed class GapLoad
{
    private readonly DelosLog _log;
    private readonly byte[] _payload;
    private readonly Task[] _appenders;
    private readonly Lock _lock = new();
    private long _last;
    private TimeSpan _longest;
    private DateTime _longestEnded;
    private long _acknowledged;
    private long _failed;
    private string? _firstError;
    private volatile bool _stopped;

    public GapLoad(DelosLog log, int size, int outstanding)
    {
        _log = log;
        _payload = new byte[size];
        _last = Stopwatch.GetTimestamp();
        _appenders = [.. Enumerable.Range(0, outstanding).Select(_ => AppendAsync())];
    }

    public long Acknowledged => Volatile.Read(ref _acknowledged);

    public long Failed => Volatile.Read(ref _failed);

    public string? FirstError => Volatile.Read(ref _firstError);

    /// <summary>The longest gap that ended since <see cref="Begin"/>, and when it ended, local time. One that is still under way counts as far as it has come.</summary>
    public (TimeSpan Gap, DateTime Ended) Longest
    {
        get
        {
            lock (_lock)
            {
                var now = Stopwatch.GetElapsedTime(_last);
                return now > _longest ? (now, DateTime.Now) : (_longest, _longestEnded);
            }
        }
    }

    public void Begin()
    {
        lock (_lock) _longest = default;
    }

    /// <summary>Ends when something was acknowledged since the call, or at the limit: a gap that is looked at before it ended would be told too short.</summary>
    public async Task GoesOnAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        var begun = Stopwatch.GetTimestamp();
        for (var before = Acknowledged; Acknowledged == before && Stopwatch.GetElapsedTime(begun) < limit;) await Task.Delay(2, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Stops appending and waits for what is outstanding.</summary>
    public Task StopAsync()
    {
        _stopped = true;
        return Task.WhenAll(_appenders);
    }

    private async Task AppendAsync()
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        while (!_stopped)
        {
            try
            {
                await _log.AppendAsync(_payload, CancellationToken.None).ConfigureAwait(false);
                Acknowledge();
            }
            catch (DelosException e)
            {
                Interlocked.Increment(ref _failed);
                Interlocked.CompareExchange(ref _firstError, e.Message, null);
                await Task.Delay(10, CancellationToken.None).ConfigureAwait(false);
            }
        }
    }

    private void Acknowledge()
    {
        lock (_lock)
        {
            _acknowledged++;
            var now = Stopwatch.GetTimestamp();
            var gap = Stopwatch.GetElapsedTime(_last, now);
            if (gap > _longest) (_longest, _longestEnded) = (gap, DateTime.Now);
            _last = now;
        }
    }
}
