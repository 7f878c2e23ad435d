namespace Delos.Tests.Simulation;

/// <summary>A node's or client's process: its lives, connections and open requests.</summary>
internal abstract class SimProcess(SimWorld world, SimNetwork network, int id)
{
    public int Id => id;

    public SimWorld World => world;

    public SimNetwork Network => network;

    /// <summary>Counts the starts.</summary>
    public int Life { get; protected set; } = 1;

    public bool IsUp { get; protected set; } = true;

    public bool IsPaused { get; private set; }

    public Dictionary<int, SimConnection> Connections { get; } = [];

    public SortedDictionary<ulong, (SimConnection Connection, TaskCompletionSource<SimMessage?> Answer)> Requests { get; } = [];

    public Queue<(SimConnection, SimMessage)> Inbox { get; } = new();

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

    public void Pause() => IsPaused = true;

    public void Resume()
    {
        IsPaused = false;
        while (!IsPaused && Inbox.TryDequeue(out var next))
        {
            if (next.Item1.IsOf(this)) Take(next.Item1, next.Item2);
        }
    }

    protected void Die()
    {
        IsUp = false;
        IsPaused = false;
        Inbox.Clear();
        network.CloseAll(this);
        Life++;
        Connections.Clear();
        foreach (var (correlation, _) in Requests.ToArray()) Complete(correlation, null);
    }

    protected abstract void Receive(SimConnection connection, SimMessage message);

    protected abstract void Closed(SimConnection connection);
}
