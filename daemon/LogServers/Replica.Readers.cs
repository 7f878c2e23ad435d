using Delos.Daemon.Storage;
using Delos.Protocol.Framing;

namespace Delos.Daemon.LogServers;

/// <summary>What readers see, who of them waits for more, and the entries that are kept in memory for them.</summary>
internal sealed partial class Replica
{
    private readonly RecentEntries _recent = new();
    private Subscription[] _subscriptions = [];
    private (long Tail, long TrimPoint, bool IsOpen) _shown;
    private long _awaited = long.MaxValue;

    public Subscription[] Subscriptions => Volatile.Read(ref _subscriptions);

    /// <summary>When its subscribers are served if they are many; null: they never were.</summary>
    public CrowdTurns? Crowd { get; set; }

    /// <summary>Subscribers wait for the global tail, and are so few that they are served at once. Under the lock.</summary>
    private bool WantsTail => _subscriptions.Length > 0 && _subscriptions.Length < shared.SubscribersInCrowd;

    /// <summary>
    /// Reads entries, the latest from memory, others, which have to be below <paramref name="durable"/>, from the disk: else the answer is Lagging. Records damage that shows. Blocks on the disk; not under the lock.
    /// </summary>
    public StatusCode ReadEntries(long first, long end, long durable, int maxBytes, out StorageReadResult result)
    {
        if (_recent.TryRead(first, end, maxBytes, out var recent, out var count))
        {
            result = new StorageReadResult { Payload = recent, Count = count };
            return StatusCode.Ok;
        }

        result = default;
        if (first >= durable) return StatusCode.Lagging;
        var status = log.ReadEntries(id, first, Math.Min(end, durable), maxBytes, out result);
        if (status == StorageReadStatus.Ok) return StatusCode.Ok;
        lock (Gate)
        {
            // Its files went while they were read.
            if (core.IsDeleted) return StatusCode.Deleted;
        }

        switch (status)
        {
            case StorageReadStatus.Trimmed:
                return StatusCode.Trimmed;
            case StorageReadStatus.Corrupt:
                lock (Gate) core.FoundDamage(result.UnknownFirst, result.UnknownEnd);
                shared.OnLaggard(id);
                return StatusCode.Corrupt;
            case StorageReadStatus.NotHeld:
                // The core said that it is held, so what the disk lacks is unknown, not absent (rule 6).
                return StatusCode.Corrupt;
            default:
                shared.ReadFailed(id, result.Error);
                return StatusCode.Corrupt;
        }
    }

    public void Add(Subscription subscription)
    {
        lock (Gate) Volatile.Write(ref _subscriptions, [.. _subscriptions, subscription]);
    }

    public void Remove(Subscription subscription)
    {
        lock (Gate)
        {
            subscription.End();
            Volatile.Write(ref _subscriptions, [.. _subscriptions.Where(s => s != subscription)]);
        }
    }

    /// <summary>True if the position is durable; else subscribers have <see cref="TakeNews">news</see> when it is. Under the lock.</summary>
    public bool AwaitDurable(long position)
    {
        if (core.DurableTail > position) return true;
        _awaited = Math.Min(_awaited, position);
        return false;
    }

    /// <summary>True if subscribers have anything to see that they had not at the last call: entries that may be shown, or are durable at last, a trim that passed them by, or that it ends or has ended.</summary>
    /// <param name="subscriptions">Who has to be told; whoever comes later looks for itself.</param>
    public bool TakeNews(out Subscription[] subscriptions)
    {
        lock (Gate)
        {
            subscriptions = _subscriptions;
            var now = (core.PushLimit(long.MaxValue, stop: -1), core.TrimPoint, core.Seal == SealState.Open && !core.IsDeleted);
            if (now == _shown && now.Item3 && core.DurableTail <= _awaited) return false;
            _shown = now;
            if (core.DurableTail > _awaited) _awaited = long.MaxValue;
            return true;
        }
    }

    /// <summary>From time to time: memory is for what readers at the tail want.</summary>
    public void DropOldEntries() => _recent.DropOld();

    /// <summary>Nothing is read any more.</summary>
    public void DropRecent() => _recent.Clear();
}
