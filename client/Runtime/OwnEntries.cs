using Delos.Client;
using Delos.Protocol.Entries;

namespace Delos.Runtime;

/// <summary>
/// Entries that this replica appended itself, from their acknowledgement on until it has applied them: an acknowledged entry whose position is the replica's cursor can be applied at once, and need not be read first. Whatever
/// is not taken from here the follower brings. Thread-safe.
/// </summary>
internal sealed class OwnEntries
{
    /// <summary>Most that are kept: a replica that lags far behind reads anyway.</summary>
    private const int Most = 64;

    private readonly Lock _lock = new();
    private readonly PriorityQueue<byte[], long> _entries = new();

    /// <summary>The log has the entry, at that position for ever.</summary>
    public void Add(long position, byte[] entry)
    {
        lock (_lock)
        {
            if (_entries.Count < Most) _entries.Enqueue(entry, position);
        }
    }

    /// <summary>Whether there is one that can be applied next, or not any more.</summary>
    /// <param name="next">First position not applied.</param>
    public bool HasAny(long next)
    {
        lock (_lock) return _entries.TryPeek(out _, out var position) && position <= next;
    }

    /// <summary>Those that follow each other from there on; null: there is none at that position. Earlier ones are forgotten: they were applied.</summary>
    /// <param name="next">First position not applied.</param>
    public LogBatch? TakeFrom(long next)
    {
        List<LogEntry>? taken = null;
        lock (_lock)
        {
            while (_entries.TryPeek(out var entry, out var position) && position <= next)
            {
                _entries.Dequeue();
                if (position < next) continue;
                (taken ??= []).Add(new LogEntry(position, entry, default, EntryKind.Data));
                next++;
            }
        }

        return taken is null ? null : new LogBatch(taken, next);
    }
}
