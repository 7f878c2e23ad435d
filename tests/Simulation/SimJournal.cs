namespace Delos.Tests.Simulation;

/// <summary>The acceptor's journal: a crash takes any end of what was not synced.</summary>
/// <param name="world">The simulation.</param>
/// <param name="syncMicroseconds">How long a sync takes at most.</param>
internal sealed class SimJournal(SimWorld world, Func<int> syncMicroseconds)
{
    private readonly Queue<(int Address, Action Action)> _waiting = new();
    private bool _committing;
    private int _life;

    public List<byte[]> Records { get; } = [];

    public int Durable { get; private set; }

    /// <summary>Returns the address at which the record ends.</summary>
    public int Append(byte[] record)
    {
        Records.Add(record);
        Kick();
        return Records.Count;
    }

    /// <summary>At once, or when it is; not at all after a crash.</summary>
    public void WhenDurable(int address, Action action)
    {
        if (address <= Durable) action();
        else _waiting.Enqueue((address, action));
    }

    public void Crash()
    {
        _life++;
        _committing = false;
        _waiting.Clear();
        var kept = Durable + world.Random.Next(Records.Count - Durable + 1);
        Records.RemoveRange(kept, Records.Count - kept);
        Durable = kept;
    }

    private void Kick()
    {
        if (_committing) return;
        _committing = true;
        var (life, end) = (_life, Records.Count);
        world.At(50 + world.Random.Next(syncMicroseconds()), () =>
        {
            if (_life != life) return;
            _committing = false;
            Durable = end;
            while (_waiting.TryPeek(out var next) && next.Address <= Durable) _waiting.Dequeue().Action();
            if (Records.Count > Durable) Kick();
        });
    }
}
