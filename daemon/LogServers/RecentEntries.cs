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
    private readonly Run[] _runs = new Run[MaxRuns];
    private int _oldest;
    private int _count;
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
            while (_count > 0 && (_count == MaxRuns || _bytes + entries.Length > MaxBytes || _end != first)) DropOldest();
            At(_count++) = new Run(first, count, _added++, entries);
            _end = first + count;
            _bytes += entries.Length;
        }
    }

    /// <summary>
    /// Entries from <paramref name="first"/> on, at least one; the caller owns one reference. Further ones as long as they are below <paramref name="end"/> and within <paramref name="maxBytes"/>: whole runs, whose
    /// entries nobody has to look at, or a part of one. False: it is not kept.
    /// </summary>
    public bool TryRead(long first, long end, int maxBytes, [NotNullWhen(true)] out RetainedPayload? entries, out int count)
    {
        entries = null;
        count = 0;
        if (first >= end || !TryCollect(first, end, maxBytes, out entries, out var begin, out count)) return false;
        if (count > 0) return true;

        // Not under the lock, which stores wait for.
        var bytes = entries.AsSequence();
        var offset = EntryRun.OffsetOf(bytes, (uint)(first - begin));
        var (taken, length) = EntryRun.Take(bytes, offset, (uint)Math.Min(end - first, uint.MaxValue), maxBytes);
        count = (int)taken;
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
            while (_count > 0 && At(0).Number < _addedAtTick) DropOldest();
            _addedAtTick = _added;
        }
    }

    public void Clear()
    {
        lock (_lock)
        {
            while (_count > 0) DropOldest();
        }
    }

    /// <summary>Whole runs from the one that begins with the first position on, and how many entries they have; else, with a count of zero, the one run that has the position, in a payload of the caller's own.</summary>
    private bool TryCollect(long first, long end, int maxBytes, [NotNullWhen(true)] out RetainedPayload? entries, out long begin, out int count)
    {
        entries = null;
        begin = 0;
        count = 0;
        lock (_lock)
        {
            if (_count == 0 || first < At(0).First || first >= _end) return false;
            var index = Find(first);
            ref var run = ref At(index);
            begin = run.First;
            entries = RetainedPayload.Create();
            if (begin != first || run.End > end || run.Entries.Length > maxBytes)
            {
                entries.Append(run.Entries);
                return true;
            }

            do
            {
                entries.Append(run.Entries);
                count += (int)run.Count;
                if (++index == _count) break;
                run = ref At(index);
            }
            while (run.End <= end && entries.Length + run.Entries.Length <= maxBytes);
            return true;
        }
    }

    /// <summary>Which run has a position that one of them has.</summary>
    private int Find(long position)
    {
        var (low, high) = (0, _count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (At(middle).First <= position) low = middle;
            else high = middle - 1;
        }

        return low;
    }

    private ref Run At(int index) => ref _runs[(_oldest + index) % MaxRuns];

    private void DropOldest()
    {
        ref var run = ref At(0);
        _bytes -= run.Entries.Length;
        run.Entries.Release();
        run = default;
        _oldest = (_oldest + 1) % MaxRuns;
        _count--;
    }

    private readonly record struct Run(long First, uint Count, long Number, RetainedPayload Entries)
    {
        public long End => First + Count;
    }
}
