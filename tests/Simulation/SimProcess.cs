namespace Delos.Tests.Simulation;

/// <summary>A node's or client's process: its lives, connections, open requests and timers. What a dead process was about to do never happens; what a stopped one was about to do happens when it goes on.</summary>
internal abstract class SimProcess(SimWorld world, SimNetwork network, int id)
{
    private readonly Queue<Action> _stopped = new();

    public int Id => id;

    public SimWorld World => world;

    public SimNetwork Network => network;

    /// <summary>Counts the starts.</summary>
    public int Life { get; protected set; } = 1;

    public bool IsUp { get; protected set; } = true;

    public bool IsPaused { get; private set; }

    /// <summary>The process's own clock: it goes as fast as it likes, and may jump.</summary>
    public double ClockRate { get; set; } = 1;

    public long ClockOffset { get; set; }

    public TimeSpan Clock => TimeSpan.FromMicroseconds((long)(world.Now * ClockRate) + ClockOffset);

    public long Milliseconds => (long)Clock.TotalMilliseconds;

    public Dictionary<int, SimConnection> Connections { get; } = [];

    public SortedDictionary<ulong, (SimConnection Connection, TaskCompletionSource<SimMessage?> Answer)> Requests { get; } = [];

    public void Complete(ulong correlation, SimMessage? message)
    {
        if (Requests.Remove(correlation, out var request)) request.Answer.SetResult(message);
    }

    public void Take(SimConnection connection, SimMessage message)
    {
        if (message.IsReply) Complete(message.Correlation, message);
        else Receive(connection, message);
    }

    public void Lost(SimConnection connection)
    {
        if (!connection.IsOf(this)) return;
        if (Connections.TryGetValue(connection.Other(this).Id, out var known) && known == connection) Connections.Remove(connection.Other(this).Id);
        foreach (var (correlation, _) in Requests.Where(r => r.Value.Connection == connection).ToArray()) Complete(correlation, null);
        Closed(connection);
    }

    /// <summary>A timer of this process.</summary>
    public void After(long after, Action action)
    {
        var life = Life;
        world.At(after, () => WhenRunning(life, action));
    }

    /// <summary>Never completes if the process dies.</summary>
    public Task Delay(long after)
    {
        var done = new TaskCompletionSource();
        After(after, done.SetResult);
        return done.Task;
    }

    /// <summary>At once, or when the process goes on; not at all if it died.</summary>
    public void WhenRunning(int life, Action action)
    {
        if (Life != life) return;
        if (IsPaused) _stopped.Enqueue(action);
        else action();
    }

    public void Pause() => IsPaused = IsUp;

    public void Resume()
    {
        IsPaused = false;
        while (!IsPaused && _stopped.TryDequeue(out var next)) next();
    }

    protected void Die()
    {
        IsUp = false;
        IsPaused = false;
        _stopped.Clear();
        network.CloseAll(this);
        Life++;
        Connections.Clear();
        Requests.Clear();
    }

    protected abstract void Receive(SimConnection connection, SimMessage message);

    protected abstract void Closed(SimConnection connection);
}
