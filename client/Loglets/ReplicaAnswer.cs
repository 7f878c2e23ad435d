namespace Delos.Client.Loglets;

/// <summary>What one replica answered in the present round of a <see cref="TailFinder"/>.</summary>
internal sealed class ReplicaAnswer
{
    public bool Known { get; private set; }

    public bool IsSealed { get; private set; }

    public bool Waiting { get; set; }

    /// <summary>A request that brings it copies is under way.</summary>
    public bool Moving { get; set; }

    public long Tail { get; set; }

    public long GlobalTail { get; set; }

    public long TrimPoint { get; set; }

    /// <summary>It could not read this position; -1: none known.</summary>
    public long DamagedAt { get; set; } = -1;

    public void Report(bool isSealed, long tail, long trimPoint)
    {
        Known = true;
        IsSealed = isSealed;
        Tail = tail;
        TrimPoint = trimPoint;
    }

    public void Fail()
    {
        Known = false;
        Moving = false;
    }

    public void Forget()
    {
        Known = false;
        IsSealed = false;
        Waiting = false;
        Moving = false;
        Tail = GlobalTail = TrimPoint = 0;
        DamagedAt = -1;
    }
}
