using Delos.Client;
using Delos.Protocol.Entries;

namespace Delos.Runtime;

/// <summary>
/// Entries that this replica appended itself, from their acknowledgement on until it has applied them: an acknowledged entry whose position is the replica's cursor can be applied at once, and need not be read first. Not so if the
/// chain has another version than when the append began: an operator may have edited the entry. Whatever is not taken from here the follower brings. Thread-safe.
/// </summary>
internal sealed class OwnEntries
{
    /// <summary>Most that are kept: a replica that lags far behind reads anyway.</summary>
    private const int Most = 64;

    private readonly Lock _lock = new();
    private readonly PriorityQueue<(byte[] Entry, ulong? Version), long> _entries = new();

    /// <summary>The log has acknowledged the entry.</summary>
    /// <param name="position">Where it is.</param>
    /// <param name="entry">As it was appended.</param>
    /// <param name="version">Of the chain, as it was known when the append began.</param>
    public void Add(long position, byte[] entry, ulong? version)
    {
        lock (_lock)
        {
            if (_entries.Count < Most) _entries.Enqueue((entry, version), position);
        }
    }

    /// <summary>Whether there is one that can be applied next, or not any more.</summary>
    /// <param name="next">First position not applied.</param>
    public bool HasAny(long next)
    {
        lock (_lock) return _entries.TryPeek(out _, out var position) && position <= next;
    }

    /// <summary>Those that follow each other from there on; null: there is none at that position. Earlier ones are forgotten, since they were applied, and those that may have been edited.</summary>
    /// <param name="next">First position not applied.</param>
    /// <param name="version">Of the chain, as it is known now.</param>
    public LogBatch? TakeFrom(long next, ulong? version)
    {
        List<LogEntry>? taken = null;
        lock (_lock)
        {
            while (_entries.TryPeek(out var own, out var position) && position <= next)
            {
                _entries.Dequeue();
                if (position < next || version is null || own.Version != version) continue;
                (taken ??= []).Add(new LogEntry(position, own.Entry, default, EntryKind.Data));
                next++;
            }
        }

        return taken is null ? null : new LogBatch(taken, next);
    }
}
