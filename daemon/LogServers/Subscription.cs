using Delos.Protocol.Connections;
using Delos.Protocol.Framing;

namespace Delos.Daemon.LogServers;

/// <summary>What a subscription does next.</summary>
internal enum PushAction : byte
{
    /// <summary>Read entries [From, To) and push them; those from Durable on are in memory, or come later.</summary>
    Push,

    /// <summary>Nothing can be pushed now.</summary>
    Wait,

    /// <summary>The last frame, with a status.</summary>
    End,

    /// <summary>All that was asked for was pushed.</summary>
    Complete,
}

internal readonly record struct PushStep(PushAction Action, StatusCode Status, long From = 0, long To = 0, long Durable = 0, int MaxBytes = 0);

/// <summary>
/// One reader that is pushed entries as they become readable (rule 4: below the global tail, or below the stop of an installed chain). Its state is guarded by the replica's lock; one thread at a time
/// pushes for it (<see cref="TryStart"/>).
/// </summary>
internal sealed class Subscription(Replica replica, Connection connection, ulong correlationId, long min, long max, long stop, long credit)
{
    private bool _running;
    private bool _again;

    public Replica Replica => replica;

    public Connection Connection => connection;

    public ulong CorrelationId => correlationId;

    public long Next { get; private set; } = min;

    public long Credit { get; private set; } = credit;

    /// <summary>It was pushed all there was: what comes next is fresh, and mostly in memory.</summary>
    public bool IsCaughtUp { get; private set; }

    /// <summary>It waits for the connection's queue or a worker, of which nobody tells: the tick looks again.</summary>
    public bool IsStalled { get; private set; }

    public bool IsEnded { get; private set; }

    /// <summary>The client has got a first frame.</summary>
    public bool IsGreeted { get; set; }

    /// <summary>True: the caller pushes now. False: nobody has to, or the one who does will look again.</summary>
    public bool TryStart()
    {
        IsStalled = false;
        if (IsEnded) return false;
        _again = _running;
        if (_running) return false;
        return _running = true;
    }

    /// <summary>True: go on, something changed meanwhile.</summary>
    public bool MustGoOn()
    {
        if (_again && !IsEnded)
        {
            _again = false;
            return true;
        }

        _running = false;
        return false;
    }

    /// <summary>Nobody could be found to push: the tick tries again.</summary>
    public void Stall()
    {
        _running = false;
        _again = false;
        IsStalled = true;
    }

    /// <summary>A turn of the crowd was left out: the tick looks after it.</summary>
    public void Miss() => IsStalled = true;

    public void End()
    {
        IsEnded = true;
        _running = false;
    }

    public void AddCredit(long bytes) => Credit += bytes;

    public void Pushed(int count, int bytes)
    {
        Next += count;
        Credit -= bytes;
        IsGreeted = true;
    }

    public PushStep Plan(ReplicaCore core, int maxPushBytes, long maxQueuedBytes)
    {
        if (core.IsDeleted) return Ending(StatusCode.Deleted);
        if (Next >= max) return new PushStep(PushAction.Complete, StatusCode.Ok);
        if (stop >= 0 && Next >= stop) return Ending(StatusCode.Sealed);
        if (Next < core.TrimPoint) return Ending(StatusCode.Trimmed);
        var limit = core.PushLimit(max, stop);
        if (Next < limit)
        {
            var end = core.Unknown.FirstStartAtOrAfter(Next, limit);
            if (end == Next) return Ending(StatusCode.Corrupt);
            if (Credit <= 0) return Waiting;
            if (connection.QueuedBytes > maxQueuedBytes)
            {
                IsStalled = true;
                return Waiting;
            }

            return new PushStep(PushAction.Push, StatusCode.Ok, Next, end, core.DurableTail, (int)Math.Min(maxPushBytes, Credit));
        }

        IsCaughtUp = true;

        // Nothing more to come from here, though the reader may have more: others hold it.
        if (stop >= 0) return Ending(StatusCode.Lagging);
        if (core.Seal == SealState.Sealed) return Ending(core.DurableTail < core.GlobalTail ? StatusCode.Lagging : StatusCode.Sealed);
        if (!IsGreeted && Next < core.GlobalTail) return Ending(StatusCode.Lagging);
        return Waiting;
    }

    private static PushStep Waiting => new(PushAction.Wait, StatusCode.Ok);

    private static PushStep Ending(StatusCode status) => new(PushAction.End, status);
}
