namespace Delos.Tests.Simulation;

/// <summary>Virtual time, the one source of chance, the transcript. Events of one moment run in the order in which they were made, on the calling thread.</summary>
internal sealed class SimWorld(int seed)
{
    private const int TranscriptLines = 400;
    private const int DetailedLines = 20_000;
    private const int MostEventsOfAMoment = 1_000_000;
    private readonly PriorityQueue<Action, (long At, long Order)> _events = new();
    private readonly Queue<string> _transcript = new();
    private long _order;
    private long _momentBegan;

    public Random Random { get; } = new(seed);

    /// <summary>Microseconds.</summary>
    public long Now { get; private set; }

    /// <summary>Operations are told, too: for a short run, or it takes longer.</summary>
    public bool IsDetailed { get; init; }

    /// <summary>A violation ends the run.</summary>
    public string? Violation { get; private set; }

    public long Events { get; private set; }

    public IEnumerable<string> Transcript => _transcript;

    /// <summary>How often what happened: shows that a run met what it is meant to meet.</summary>
    public SortedDictionary<string, long> Counts { get; } = new(StringComparer.Ordinal);

    public void Count(string what) => Counts[what] = Counts.GetValueOrDefault(what) + 1;

    public void At(long after, Action action) => _events.Enqueue(action, (Now + Math.Max(0, after), _order++));

    /// <summary>Completes on the simulation's thread, within the event.</summary>
    public Task Delay(long after)
    {
        var done = new TaskCompletionSource();
        At(after, done.SetResult);
        return done.Task;
    }

    /// <summary>Runs a procedure; what it throws is a violation.</summary>
    public void Spawn(Func<Task> procedure) => _ = ObserveAsync(procedure);

    public void Tell(string line)
    {
        if (_transcript.Count == (IsDetailed ? DetailedLines : TranscriptLines)) _transcript.Dequeue();
        _transcript.Enqueue($"{Now / 1000.0,10:F3} ms  {line}");
    }

    public void Violate(string what)
    {
        Tell($"VIOLATION {what}");
        Violation ??= what;
    }

    public void RunUntil(long until, Func<bool>? done = null)
    {
        while (Violation is null && _events.TryPeek(out _, out var key) && key.At <= until)
        {
            if (done?.Invoke() == true) return;
            var action = _events.Dequeue();
            if (key.At != Now) _momentBegan = Events;
            Now = key.At;
            if (Events++ - _momentBegan == MostEventsOfAMoment) Violate("Time stands still: somebody waits again and again for no time at all.");
            try
            {
                action();
            }
            catch (Exception e)
            {
                Violate(e.ToString());
            }
        }

        if (Violation is null && done?.Invoke() != true) Now = Math.Max(Now, until);
    }

    public Guid NewGuid()
    {
        var bytes = new byte[16];
        Random.NextBytes(bytes);
        return new Guid(bytes);
    }

    public ulong NewId() => (ulong)Random.NextInt64() | 1;

    public bool Chance(int percent) => Random.Next(100) < percent;

    private async Task ObserveAsync(Func<Task> procedure)
    {
        try
        {
            await procedure();
        }
        catch (Exception e)
        {
            Violate(e.ToString());
        }
    }
}
