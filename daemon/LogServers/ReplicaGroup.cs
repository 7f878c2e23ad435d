using Delos.Daemon.Storage;

namespace Delos.Daemon.LogServers;

/// <summary>The replicas whose records are in one log: one, or the stripes of a striped Loglet. What is durable is durable for all of them.</summary>
internal sealed class ReplicaGroup(SegmentLog log) : ISegmentLogListener
{
    private Replica[] _replicas = [];

    public SegmentLog Log => log;

    public bool IsEmpty => Volatile.Read(ref _replicas).Length == 0;

    /// <summary>Before the replica's first record. The owner serializes changes.</summary>
    public void Add(Replica replica)
    {
        Volatile.Write(ref _replicas, [.. _replicas, replica]);
        if (log.Listener is null) log.Listener = this;
        else if (log.Group.Failure is { } reason) replica.OnFailed(reason);
    }

    public void Remove(Replica replica) => Volatile.Write(ref _replicas, [.. _replicas.Where(r => r != replica)]);

    /// <summary>Nobody of them takes stores any more.</summary>
    public bool AreAllSealed => Volatile.Read(ref _replicas).All(static r => r.IsSealed);

    public void OnDurable(SegmentLog log, long durableAddress)
    {
        foreach (var replica in Volatile.Read(ref _replicas)) replica.OnDurable(durableAddress);
    }

    public void OnFailed(Exception reason)
    {
        foreach (var replica in Volatile.Read(ref _replicas)) replica.OnFailed(reason);
    }
}
