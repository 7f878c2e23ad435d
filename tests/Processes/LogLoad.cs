using System.Text;
using Delos.Client;
using Delos.Tests.Histories;

namespace Delos.Tests.Processes;

/// <summary>
/// Clients that append to one log, ask for its tail and follow it, until told to stop; everything goes into a <see cref="LogHistory"/>. An append that fails in any
/// way other than "outcome unknown" is itself a failure: the log promises to hide reconfigurations and single deaths.
/// </summary>
internal sealed class LogLoad : IAsyncDisposable
{
    private const int Followers = 2;

    private readonly CancellationTokenSource _stop = new();
    private readonly List<DelosClient> _clients = [];
    private readonly List<Task> _appenders = [];
    private readonly List<Task> _observers = [];
    private readonly string _endpoints;
    private readonly string _log;
    private readonly string _prefix;
    private readonly LogLoadOptions _options;
    private long _acknowledged;
    private long _refused;
    private long _longestGapTicks;
    private long _acknowledgedAt = TimeProvider.System.GetTimestamp();
    private long _longestPause;

    private LogLoad(string endpoints, string log, string prefix, LogLoadOptions options, LogHistory history)
    {
        _options = options;
        _endpoints = endpoints;
        _log = log;
        _prefix = prefix;
        History = history;
    }

    public LogHistory History { get; }

    /// <summary>Appends acknowledged so far.</summary>
    public long Acknowledged => Interlocked.Read(ref _acknowledged);

    /// <summary>Appends refused so far, see <see cref="LogLoadOptions.IsRefusal"/>.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>Longest time that any appender waited for one answer.</summary>
    public TimeSpan LongestGap => TimeSpan.FromTicks(Interlocked.Read(ref _longestGapTicks));

    /// <summary>Longest time in which no appender at all got an answer, since this was last asked.</summary>
    public TimeSpan TakeLongestPause() => TimeProvider.System.GetElapsedTime(0, Interlocked.Exchange(ref _longestPause, 0));

    /// <param name="endpoints">Of the cluster.</param>
    /// <param name="log">Its log.</param>
    /// <param name="appenders">Clients of their own that append, each with <paramref name="outstanding"/> appends at a time.</param>
    /// <param name="outstanding">Appends at a time.</param>
    /// <param name="history">Where it is recorded.</param>
    /// <param name="prefix">Makes payloads unique among the loads of one history.</param>
    /// <param name="options">What it appends, and what it bears.</param>
    public static LogLoad Start(string endpoints, string log, int appenders, int outstanding, LogHistory history, string prefix = "", LogLoadOptions? options = null)
    {
        var load = new LogLoad(endpoints, log, prefix, options ?? new LogLoadOptions(), history);
        for (var i = 0; i < appenders; i++)
        {
            var handle = load.NewHandle();
            for (var j = 0; j < outstanding; j++) load._appenders.Add(load.AppendAsync(handle, $"{prefix}{i}.{j}"));
        }

        load._observers.Add(load.CheckTailsAsync(load.NewHandle()));

        // Those of one handle share what they are pushed.
        var followed = load.NewHandle();
        for (var i = 0; i < Followers; i++) load._observers.Add(load.FollowAsync(followed, $"{prefix}follower{i}"));
        return load;
    }

    /// <summary>Until <paramref name="more"/> further appends were acknowledged.</summary>
    public async Task AdvanceAsync(long more, TimeSpan timeout)
    {
        var target = Acknowledged + more;
        using var deadline = new CancellationTokenSource(timeout);
        while (Acknowledged < target)
        {
            if (_appenders.FirstOrDefault(t => t.IsFaulted) is { } failed) await failed;
            if (deadline.IsCancellationRequested) Assert.Fail($"Only {more - (target - Acknowledged)} of {more} appends were acknowledged within {timeout.TotalSeconds} s.");
            await Task.Delay(5, CancellationToken.None);
        }
    }

    /// <summary>Stops the appenders after their present append and waits for the observers.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_appenders).WaitAsync(TimeSpan.FromSeconds(60));
        await Task.WhenAll(_observers).WaitAsync(TimeSpan.FromSeconds(60));
    }

    /// <summary>Reads the whole log with a client of its own and records it under that name.</summary>
    public static async Task ReadAllAsync(string endpoints, string log, LogHistory history, string name)
    {
        await using var client = await DelosClient.ConnectAsync(endpoints);
        var entries = new List<ReadRecord>();
        await foreach (var entry in client.Log(log).ReadAsync(0)) entries.Add(ToRecord(entry));
        history.Readers.Add(new ReaderRecord(name, entries));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        foreach (var client in _clients) await client.DisposeAsync();

        // What was not stopped before has a place in the history all the same.
        await ((Task)Task.WhenAll(_appenders)).WaitAsync(TimeSpan.FromSeconds(10)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private static ReadRecord ToRecord(LogEntry entry) => new(entry.Position, entry.AppendId, Encoding.UTF8.GetString(entry.Payload.Span));

    private DelosLog NewHandle()
    {
        var client = DelosClient.Connect(_endpoints);
        _clients.Add(client);
        return client.Log(_log);
    }

    private async Task AppendAsync(DelosLog log, string name)
    {
        for (var i = 0; !_stop.IsCancellationRequested; i++)
        {
            var key = $"{name}.{i}".PadRight(_options.Bytes, '.');
            var invoked = History.Now();
            var begin = TimeProvider.System.GetTimestamp();
            try
            {
                var position = await log.AppendAsync(Encoding.UTF8.GetBytes(key));
                History.Appends.Add(new AppendRecord(key, invoked, History.Now(), position));
                Interlocked.Increment(ref _acknowledged);
                NotePause();
            }
            catch (DelosException e) when (e.Code is DelosErrorCode.OutcomeUnknown or DelosErrorCode.Unavailable && _stop.IsCancellationRequested)
            {
                History.Appends.Add(new AppendRecord(key, invoked, null, null));
            }
            catch (DelosException e) when (_options.IsRefusal(e))
            {
                History.Appends.Add(new AppendRecord(key, invoked, null, null));
                if (e.Code == DelosErrorCode.DiskFull) History.Refused.Add(key);
                Interlocked.Increment(ref _refused);
                await Task.Delay(20, CancellationToken.None);
            }

            NoteGap(TimeProvider.System.GetElapsedTime(begin));
            if (_options.Rest > TimeSpan.Zero) await Task.Delay(_options.Rest, CancellationToken.None);
        }
    }

    private async Task CheckTailsAsync(DelosLog log)
    {
        while (!_stop.IsCancellationRequested)
        {
            var invoked = History.Now();
            try
            {
                var tail = await log.CheckTailAsync();
                History.Tails.Add(new TailRecord(invoked, History.Now(), tail));
                await Task.Delay(_options.TailEvery, CancellationToken.None);
            }
            catch (DelosException e) when (e.IsTransient || e.Code == DelosErrorCode.NotFound)
            {
                await Task.Delay(10, CancellationToken.None);
            }
        }
    }

    private async Task FollowAsync(DelosLog log, string name)
    {
        var entries = new List<ReadRecord>();
        try
        {
            await foreach (var entry in log.FollowAsync(0, _stop.Token)) entries.Add(ToRecord(entry));
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The only way in which following ends.
        }

        History.Readers.Add(new ReaderRecord(name, entries));
    }

    private void NoteGap(TimeSpan gap) => Raise(ref _longestGapTicks, gap.Ticks);

    private void NotePause()
    {
        var now = TimeProvider.System.GetTimestamp();
        Raise(ref _longestPause, now - Interlocked.Exchange(ref _acknowledgedAt, now));
    }

    private static void Raise(ref long highest, long value)
    {
        for (var seen = Interlocked.Read(ref highest); value > seen;)
        {
            var before = Interlocked.CompareExchange(ref highest, value, seen);
            if (before == seen) return;
            seen = before;
        }
    }
}

/// <summary>What a load appends, and what it bears.</summary>
internal sealed record LogLoadOptions
{
    /// <summary>Of each payload, at least.</summary>
    public int Bytes { get; init; }

    /// <summary>
    /// Of an appender after each append. For faults that last for seconds and ask for no particular moment: there a load without rest only takes the processors from the nodes under test and from the tests beside them.
    /// Not for deaths, which are to meet as much under way as there can be.
    /// </summary>
    public TimeSpan Rest { get; init; } = TimeSpan.Zero;

    /// <summary>Between two questions for the tail.</summary>
    public TimeSpan TailEvery { get; init; } = TimeSpan.FromMilliseconds(5);

    /// <summary>Errors after which an appender goes on with its next append; any other ends it. Whether the refused one is in the log is left open.</summary>
    public Func<DelosException, bool> IsRefusal { get; init; } = _ => false;
}
