namespace Delos.Tests.Simulation;

/// <summary>A message with its payload; <see cref="Correlation"/> 0: no answer is expected.</summary>
internal sealed record SimMessage(object Body, byte[]? Payload, ulong Correlation, bool IsReply);

/// <summary>One connection; each direction is first in, first out. A cut holds messages back; they come after it heals, unless the connection was given up meanwhile.</summary>
internal sealed class SimConnection(SimProcess dialer, SimProcess target)
{
    public SimProcess Dialer => dialer;

    public SimProcess Target => target;

    /// <summary>The lives that it belongs to: a process that starts again knows nothing of it.</summary>
    public int DialerLife { get; } = dialer.Life;

    public int TargetLife { get; } = target.Life;

    /// <summary>Broken; each side notices when it does.</summary>
    public bool IsClosed { get; set; }

    /// <summary>By way, 0 from the dialer: when the last message was or will be delivered.</summary>
    public long[] LastDelivery { get; } = new long[2];

    /// <summary>By way: something was lost, and nothing behind it can come any more.</summary>
    public bool[] IsCut { get; } = new bool[2];

    /// <summary>By side, 0 the dialer: it knows that the connection is broken, and takes nothing more from it.</summary>
    public bool[] HasNoticed { get; } = new bool[2];

    /// <summary>The target reads nothing while this is above 0.</summary>
    public int Pauses { get; private set; }

    /// <summary>What it has not read.</summary>
    public Queue<SimMessage> Unread { get; } = new();

    public int Side(SimProcess process) => process == dialer ? 0 : 1;

    public void PauseReading() => Pauses++;

    public void ResumeReading()
    {
        Pauses--;
        while (Pauses == 0 && IsOf(target) && !HasNoticed[1] && Unread.TryDequeue(out var message)) target.Take(this, message);
    }

    public SimProcess Other(SimProcess process) => process == dialer ? target : dialer;

    public bool IsOf(SimProcess process) => process.IsUp && process.Life == (process == dialer ? DialerLife : TargetLife);
}

/// <summary>Delays, cuts of one or both ways, slow links, resets.</summary>
internal sealed class SimNetwork(SimWorld world)
{
    private readonly List<SimConnection> _open = [];
    private ulong _correlation;

    /// <summary>How long a message may be on its way before the connection is given up, microseconds.</summary>
    public long GiveUp { get; set; } = 400_000;

    /// <summary>Who is not heard by whom.</summary>
    public HashSet<(int From, int To)> Cuts { get; } = [];

    public Dictionary<(int From, int To), int> Slow { get; } = [];

    public long Messages { get; private set; }

    public async Task<SimConnection?> DialAsync(SimProcess from, SimProcess to)
    {
        if (from.Connections.TryGetValue(to.Id, out var known) && !known.IsClosed) return known;
        var life = from.Life;
        await from.Delay(Latency(from, to));
        if (from.Life != life || !to.IsUp) return null;
        if (Cuts.Contains((from.Id, to.Id)) || Cuts.Contains((to.Id, from.Id)))
        {
            await from.Delay(50_000);
            return null;
        }

        if (from.Connections.TryGetValue(to.Id, out known) && !known.IsClosed) return known;
        var connection = new SimConnection(from, to);
        from.Connections[to.Id] = connection;
        _open.Add(connection);
        return connection;
    }

    public void Send(SimConnection connection, SimProcess from, SimMessage message)
    {
        if (connection.IsClosed || !connection.IsOf(from)) return;
        Messages++;
        var to = connection.Other(from);
        var way = connection.Side(from);
        var at = Math.Max(connection.LastDelivery[way] + 1, world.Now + Latency(from, to));
        connection.LastDelivery[way] = at;
        world.At(at - world.Now, () => Arrive(connection, from, to, message, world.Now));
    }

    /// <summary>Null: refused, lost, or no answer in time; nobody knows which.</summary>
    public async Task<SimMessage?> AskAsync(SimProcess from, SimProcess to, object body, byte[]? payload = null, long timeout = 300_000)
    {
        var dial = DialAsync(from, to);
        if (await dial is not { } connection || !connection.IsOf(from)) return null;
        var answer = new TaskCompletionSource<SimMessage?>();
        var correlation = ++_correlation;
        from.Requests[correlation] = (connection, answer);
        Send(connection, from, new SimMessage(body, payload, correlation, false));
        from.After(timeout, () => from.Complete(correlation, null));
        return await answer.Task;
    }

    public void Reply(SimConnection connection, SimProcess from, ulong correlation, object body, byte[]? payload = null) => Send(connection, from, new SimMessage(body, payload, correlation, true));

    /// <summary>Of what is on its way a beginning is still delivered, to a side that has not noticed, perhaps late, while a new connection may stand: no more than TCP permits.</summary>
    public void Close(SimConnection connection)
    {
        if (connection.IsClosed) return;
        connection.IsClosed = true;
        _open.Remove(connection);
        foreach (var process in new[] { connection.Dialer, connection.Target })
        {
            if (!connection.IsOf(process)) continue;
            process.After(world.Random.Next(world.Chance(50) ? 500 : 40_000), () =>
            {
                connection.HasNoticed[connection.Side(process)] = true;
                process.Lost(connection);
            });
        }
    }

    public void ResetOne()
    {
        if (_open.Count > 0) Close(_open[world.Random.Next(_open.Count)]);
    }

    /// <summary>Breaks the connections between two processes.</summary>
    public void Reset(SimProcess one, SimProcess other)
    {
        foreach (var connection in _open.Where(c => (c.Dialer == one && c.Target == other) || (c.Dialer == other && c.Target == one)).ToArray()) Close(connection);
    }

    public void CloseAll(SimProcess process)
    {
        foreach (var connection in _open.Where(c => c.Dialer == process || c.Target == process).ToArray()) Close(connection);
    }

    public void Heal()
    {
        Cuts.Clear();
        Slow.Clear();
    }

    private void Arrive(SimConnection connection, SimProcess from, SimProcess to, SimMessage message, long since)
    {
        if (!connection.IsOf(to)) return;
        var way = connection.Side(from);
        if (connection.IsClosed)
        {
            if (connection.IsCut[way] || connection.HasNoticed[1 - way]) return;
            connection.IsCut[way] = world.Chance(30);
            if (connection.IsCut[way]) return;
            var late = Math.Max(connection.LastDelivery[way] + 1, world.Now + (world.Chance(50) ? world.Random.Next(20_000) : 0));
            connection.LastDelivery[way] = late;
            world.At(late - world.Now, () => Deliver(connection, to, message));
        }
        else if (!Cuts.Contains((from.Id, to.Id)))
        {
            Deliver(connection, to, message);
        }
        else if (world.Now - since > GiveUp)
        {
            Close(connection);
        }
        else
        {
            var at = Math.Max(connection.LastDelivery[way] + 1, world.Now + 20_000);
            connection.LastDelivery[way] = at;
            world.At(at - world.Now, () => Arrive(connection, from, to, message, since));
        }
    }

    private static void Deliver(SimConnection connection, SimProcess to, SimMessage message)
    {
        if (!connection.IsOf(to)) return;
        to.WhenRunning(to.Life, () =>
        {
            if (!connection.IsOf(to) || connection.HasNoticed[connection.Side(to)]) return;
            if (connection.Pauses > 0 && to == connection.Target) connection.Unread.Enqueue(message);
            else to.Take(connection, message);
        });
    }

    private long Latency(SimProcess from, SimProcess to) =>
        80 + world.Random.Next(200) + (world.Random.Next(50) == 0 ? world.Random.Next(5_000) : 0) + (Slow.TryGetValue((from.Id, to.Id), out var slow) ? world.Random.Next(slow) : 0);
}
