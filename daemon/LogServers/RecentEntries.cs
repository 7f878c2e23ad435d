using System.Diagnostics.CodeAnalysis;
using Delos.Protocol.Blocks;

namespace Delos.Daemon.LogServers;

/// <summary>
/// What a replica took last, in the blocks in which it was received: readers at the tail are given it without a look at the disk, a copy or another checksum. It was accepted, and need not be durable yet: the caller asks only
/// for positions that may be shown. Bounded by age, bytes and number of runs, because a small run may keep a whole block alive (256 of them are 16 MiB); under a load that outruns the disk, what becomes durable may be gone from here, and is read from the
/// disk. Thread-safe.
/// </summary>
internal sealed class RecentEntries
{
    /// <summary>Runs of entries kept.</summary>
    public const int MaxRuns = 256;

    /// <summary>Bytes of entries kept, unless the last run alone has more.</summary>
    public const int MaxBytes = 4 << 20;

    private readonly Lock _lock = new();
    private readonly Queue<Run> _runs = new();
    private long _end;
    private long _bytes;
    private long _added;
    private long _addedAtTick;

    /// <summary>Keeps entries [first, first + count), and lets the oldest go for them; all others, if these do not follow them. Takes a reference of its own.</summary>
    public void Add(long first, uint count, RetainedPayload entries)
    {
        entries.Retain();
        lock (_lock)
        {
            while (_runs.Count > 0 && (_runs.Count == MaxRuns || _bytes + entries.Length > MaxBytes || _end != first)) DropOldest();
            _runs.Enqueue(new Run(first, count, _added++, entries));
            _end = first + count;
            _bytes += entries.Length;
        }
    }

    /// <summary>Entries from <paramref name="first"/> on, at least one, further ones as long as they are below <paramref name="end"/> and within <paramref name="maxBytes"/>; the caller owns one reference. False: it is not kept.</summary>
    public bool TryRead(long first, long end, int maxBytes, [NotNullWhen(true)] out RetainedPayload? entries, out int count)
    {
        count = 0;
        if (first >= end || !TryCollect(first, end, maxBytes, out entries, out var begin))
        {
            entries = null;
            return false;
        }

        var bytes = entries.AsSequence();
        var offset = EntryRun.OffsetOf(bytes, (uint)(first - begin));
        var (taken, length) = EntryRun.Take(bytes, offset, (uint)Math.Min(end - first, uint.MaxValue), maxBytes);
        count = (int)taken;
        if (length == entries.Length) return true;
        var part = entries.Slice(offset, length);
        entries.Release();
        entries = part;
        return true;
    }

    /// <summary>Called from time to time: lets go what was there at the last call already.</summary>
    public void DropOld()
    {
        lock (_lock)
        {
            while (_runs.TryPeek(out var run) && run.Number < _addedAtTick) DropOldest();
            _addedAtTick = _added;
        }
    }

    public void Clear()
    {
        lock (_lock)
        {
            while (_runs.Count > 0) DropOldest();
        }
    }

    /// <summary>The runs that have these positions, from the one with the first on, in a payload of the caller's own; entries are not looked at under the lock, which stores wait for.</summary>
    private bool TryCollect(long first, long end, int maxBytes, [NotNullWhen(true)] out RetainedPayload? runs, out long begin)
    {
        runs = null;
        begin = 0;
        lock (_lock)
        {
            if (first >= _end) return false;
            var wanted = long.MaxValue;
            foreach (var run in _runs)
            {
                if (run.End <= first) continue;
                if (run.First >= end || runs?.Length >= wanted) break;
                if (runs is null)
                {
                    if (run.First > first) return false;
                    runs = RetainedPayload.Create();
                    begin = run.First;
                    wanted = (long)run.Entries.Length + maxBytes;
                }

                runs.Append(run.Entries);
            }
        }

        return runs is not null;
    }

    private void DropOldest()
    {
        var run = _runs.Dequeue();
        _bytes -= run.Entries.Length;
        run.Entries.Release();
    }

    private readonly record struct Run(long First, uint Count, long Number, RetainedPayload Entries)
    {
        public long End => First + Count;
    }
}
