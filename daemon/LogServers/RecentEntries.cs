using System.Diagnostics.CodeAnalysis;
using Delos.Protocol.Blocks;

namespace Delos.Daemon.LogServers;

/// <summary>
/// What a replica took last, in the blocks in which it was received: readers at the tail are given it without a look at the disk, a copy or another checksum. It was accepted, and need not be durable yet: the caller asks only
/// for positions that may be shown. Bounded by runs as well as by bytes, because a small run may keep a whole block alive. Thread-safe.
/// </summary>
internal sealed class RecentEntries
{
    /// <summary>Runs of entries kept.</summary>
    public const int MaxRuns = 64;

    /// <summary>Bytes of entries kept, unless the last run alone has more.</summary>
    public const int MaxBytes = 1 << 20;

    private readonly Lock _lock = new();
    private readonly Run[] _runs = new Run[MaxRuns];
    private int _oldest;
    private int _count;
    private long _bytes;
    private bool _isIdle;

    /// <summary>Keeps entries [first, first + count), and lets the oldest go for them; all others, if these do not follow them. Takes a reference of its own.</summary>
    public void Add(long first, uint count, RetainedPayload entries)
    {
        entries.Retain();
        lock (_lock)
        {
            _isIdle = false;
            while (_count > 0 && (_count == MaxRuns || _bytes + entries.Length > MaxBytes || At(_count - 1).End != first)) DropOldest();
            _runs[(_oldest + _count++) % MaxRuns] = new Run(first, count, entries);
            _bytes += entries.Length;
        }
    }

    /// <summary>Entries from <paramref name="first"/> on, at least one, further ones as long as they are below <paramref name="end"/> and within <paramref name="maxBytes"/>; the caller owns one reference. False: it is not kept.</summary>
    public bool TryRead(long first, long end, int maxBytes, [NotNullWhen(true)] out RetainedPayload? entries, out int count)
    {
        entries = null;
        count = 0;
        if (first >= end) return false;
        lock (_lock)
        {
            for (var i = Find(first); i >= 0 && i < _count && first + count < end; i++)
            {
                var run = At(i);
                var bytes = run.Entries.AsSequence();
                var offset = EntryRun.OffsetOf(bytes, (uint)(first + count - run.First));
                var (taken, length) = EntryRun.Take(bytes, offset, (uint)(Math.Min(run.End, end) - first - count), maxBytes - (entries?.Length ?? 0));
                if (entries is null) entries = RetainedPayload.Create();
                else if (entries.Length + length > maxBytes) break;
                entries.Append(bytes.Slice(offset, length));
                count += (int)taken;
                if (first + count < run.End) break;
            }
        }

        return entries is not null;
    }

    /// <summary>Called from time to time: lets everything go if nothing was added since the last call.</summary>
    public void DropIfIdle()
    {
        lock (_lock)
        {
            if (_isIdle) DropAll();
            _isIdle = true;
        }
    }

    public void Clear()
    {
        lock (_lock) DropAll();
    }

    private ref Run At(int index) => ref _runs[(_oldest + index) % MaxRuns];

    /// <summary>The run that has the position, or -1. Followers want the newest.</summary>
    private int Find(long position)
    {
        for (var i = _count - 1; i >= 0; i--)
        {
            var run = At(i);
            if (position >= run.First) return position < run.End ? i : -1;
        }

        return -1;
    }

    private void DropAll()
    {
        while (_count > 0) DropOldest();
    }

    private void DropOldest()
    {
        ref var run = ref At(0);
        _bytes -= run.Entries.Length;
        run.Entries.Release();
        run = default;
        _oldest = (_oldest + 1) % MaxRuns;
        _count--;
    }

    private readonly record struct Run(long First, uint Count, RetainedPayload Entries)
    {
        public long End => First + Count;
    }
}
