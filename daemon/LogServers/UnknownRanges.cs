namespace Delos.Daemon.LogServers;

/// <summary>
/// Positions of a replica whose bytes are damaged: unknown, never absent (DESIGN §3, LogServer rule 6). Disjoint, sorted, half-open ranges; usually none.
/// </summary>
public sealed class UnknownRanges
{
    private readonly List<PositionRange> _ranges = [];

    public bool IsEmpty => _ranges.Count == 0;

    public IReadOnlyList<PositionRange> Ranges => _ranges;

    public bool Contains(long position) => FirstStartAtOrAfter(position, position + 1) == position;

    public bool Intersects(long first, long end)
    {
        foreach (var range in _ranges)
        {
            if (range.First < end && first < range.End) return true;
        }

        return false;
    }

    /// <summary>The lowest unknown position in [<paramref name="first"/>, <paramref name="end"/>), or <paramref name="end"/>.</summary>
    public long FirstStartAtOrAfter(long first, long end)
    {
        foreach (var range in _ranges)
        {
            if (range.First >= end) break;
            if (range.End > first) return Math.Max(first, range.First);
        }

        return end;
    }

    public void Add(long first, long end)
    {
        if (first >= end) return;
        var at = 0;
        while (at < _ranges.Count && _ranges[at].End < first) at++;
        while (at < _ranges.Count && _ranges[at].First <= end)
        {
            first = Math.Min(first, _ranges[at].First);
            end = Math.Max(end, _ranges[at].End);
            _ranges.RemoveAt(at);
        }

        _ranges.Insert(at, new PositionRange(first, end));
    }

    public void Remove(long first, long end)
    {
        for (var i = _ranges.Count - 1; i >= 0; i--)
        {
            var range = _ranges[i];
            if (range.End <= first || range.First >= end) continue;
            _ranges.RemoveAt(i);
            if (range.End > end) _ranges.Insert(i, range with { First = end });
            if (range.First < first) _ranges.Insert(i, range with { End = first });
        }
    }
}

/// <summary>Positions from <paramref name="First"/> up to, not including, <paramref name="End"/>.</summary>
public readonly record struct PositionRange(long First, long End);
