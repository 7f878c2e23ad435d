namespace Delos.Daemon.Storage;

/// <summary>
/// Where the positions of one Loglet lie in a log: sparse marks over what was written in order, patches over it (copies from a peer that came later), and the ranges whose bytes are
/// damaged. Not thread-safe: the log's index lock guards it.
/// </summary>
internal sealed class LogletIndex(int markBytes)
{
    private readonly List<(long First, long Address)> _marks = [];
    private readonly List<(long First, long End)> _extents = [];
    private readonly List<(long First, long End, long Address)> _patches = [];
    private readonly List<(long First, long End)> _unknown = [];
    private readonly Resume[] _resume = new Resume[8];
    private int _nextResume;
    private bool _markNext;

    /// <summary>The position after the last one held.</summary>
    public long End { get; private set; }

    /// <summary>Everything below was trimmed.</summary>
    public long TrimPoint { get; private set; }

    public IReadOnlyList<(long First, long End)> Unknown => _unknown;

    /// <summary>More may have been held than <see cref="End"/> tells (see <see cref="EndUnknownAt"/>).</summary>
    public bool IsEndHidden => _unknown.Count > 0 && _unknown[^1].End == long.MaxValue;

    /// <summary>A record was written. True: it lies behind everything held, with or without a gap before it.</summary>
    public bool Add(long first, long end, long address)
    {
        if (end <= first) return true;
        if (first < End)
        {
            Patch(first, end, address);
            RemoveUnknown(first, end);
            if (end > End) Extend(End, end);
            return false;
        }

        var behindDamage = _unknown.Count > 0 && _unknown[^1].End == first;
        var mark = behindDamage || _markNext || _marks.Count == 0 || first != End || address - _marks[^1].Address >= markBytes || LogAddress.Generation(address) != LogAddress.Generation(_marks[^1].Address);
        if (mark) _marks.Add((first, address));
        _markNext = false;
        if (_unknown.Count > 0) RemoveUnknown(first, end);
        Extend(first, end);
        return true;
    }

    /// <summary>Between the last record and the next one the log is damaged: no read gets from one to the other.</summary>
    public void MarkNext() => _markNext = true;

    /// <summary>The owner learned that nothing was held from this position on: ends an open range.</summary>
    public void EndUnknownAt(long position) => RemoveUnknown(Math.Max(position, End), long.MaxValue);

    /// <summary>Positions that are held, but damaged. Raises the end.</summary>
    public void AddUnknown(long first, long end)
    {
        first = Math.Max(first, TrimPoint);
        if (end <= first) return;
        RemoveUnknown(first, end);
        if (end != long.MaxValue && end > End) Extend(Math.Max(End, first), end);
        var at = _unknown.FindIndex(u => u.First >= end);
        at = at < 0 ? _unknown.Count : at;
        if (at < _unknown.Count && _unknown[at].First == end)
        {
            end = _unknown[at].End;
            _unknown.RemoveAt(at);
        }

        if (at > 0 && _unknown[at - 1].End == first)
        {
            first = _unknown[--at].First;
            _unknown.RemoveAt(at);
        }

        _unknown.Insert(at, (first, end));
    }

    public void Trim(long position)
    {
        if (position <= TrimPoint) return;
        TrimPoint = position;
        RemoveUnknown(0, position);
        _patches.RemoveAll(p => p.End <= position);
        var keep = _marks.FindLastIndex(m => m.First <= position);
        if (keep > 0) _marks.RemoveRange(0, keep);
        _extents.RemoveAll(e => e.End <= position);
        if (position > End) End = position;
    }

    /// <summary>Where to start reading a position, and how far that place leads.</summary>
    public StorageReadStatus Find(long position, out Place place)
    {
        place = default;
        if (position < TrimPoint) return StorageReadStatus.Trimmed;
        var stop = long.MaxValue;

        // Before the patches: what repairs a range takes it out of these, so a range over a patch tells that the patch is damaged.
        foreach (var (first, end) in _unknown)
        {
            if (position >= end) continue;
            if (first <= position)
            {
                place = new Place(0, 0, 0, end);
                return StorageReadStatus.Corrupt;
            }

            stop = first;
            break;
        }

        foreach (var (first, end, address) in _patches)
        {
            if (position >= end) continue;
            if (first > position)
            {
                stop = Math.Min(stop, first);
                break;
            }

            place = new Place(address, 0, 0, Math.Min(end, stop));
            return StorageReadStatus.Ok;
        }

        var extent = _extents.FindLastIndex(e => e.First <= position);
        if (extent < 0 || position >= _extents[extent].End) return StorageReadStatus.NotHeld;
        stop = Math.Min(stop, _extents[extent].End);
        var mark = FindMark(position);
        if (mark < 0) return StorageReadStatus.NotHeld;
        foreach (var resume in _resume)
        {
            // A mark behind it is nearer, or the position begins a new generation.
            if (resume.Position != position || resume.Address <= _marks[mark].Address) continue;
            place = new Place(resume.Address, resume.PayloadOffset, position, stop);
            return StorageReadStatus.Ok;
        }

        place = new Place(_marks[mark].Address, 0, 0, stop);
        return StorageReadStatus.Ok;
    }

    /// <summary>Remembers where a read of this position would go on, so that a reader in sequence need not search from the mark again.</summary>
    public void Remember(long position, long address, int payloadOffset)
    {
        foreach (var (first, end, _) in _patches)
        {
            if (position >= first && position <= end) return;
        }

        _resume[_nextResume] = new Resume(position, address, payloadOffset);
        _nextResume = (_nextResume + 1) % _resume.Length;
    }

    private int FindMark(long position)
    {
        int low = 0, high = _marks.Count - 1;
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (_marks[middle].First <= position) low = middle + 1;
            else high = middle - 1;
        }

        return high;
    }

    private void Extend(long first, long end)
    {
        if (_extents.Count > 0 && _extents[^1].End == first) _extents[^1] = (_extents[^1].First, end);
        else _extents.Add((first, end));
        End = end;
    }

    private void Patch(long first, long end, long address)
    {
        var pieces = new List<(long, long, long)>();
        foreach (var patch in _patches)
        {
            if (patch.End <= first || patch.First >= end)
            {
                pieces.Add(patch);
                continue;
            }

            if (patch.First < first) pieces.Add((patch.First, first, patch.Address));
            if (patch.End > end) pieces.Add((end, patch.End, patch.Address));
        }

        pieces.Add((first, end, address));
        pieces.Sort();
        _patches.Clear();
        _patches.AddRange(pieces);
        Array.Clear(_resume);
    }

    private void RemoveUnknown(long first, long end)
    {
        for (var i = _unknown.Count - 1; i >= 0; i--)
        {
            var unknown = _unknown[i];
            if (unknown.End <= first || unknown.First >= end) continue;
            _unknown.RemoveAt(i);
            if (unknown.End > end) _unknown.Insert(i, (end, unknown.End));
            if (unknown.First < first) _unknown.Insert(i, (unknown.First, first));
        }
    }

    /// <param name="Address">Of a record.</param>
    /// <param name="PayloadOffset">Of the entry to go on with inside that record; 0: from its start.</param>
    /// <param name="Position">Of that entry, when <paramref name="PayloadOffset"/> is not 0.</param>
    /// <param name="Stop">Read no further than this position.</param>
    internal readonly record struct Place(long Address, int PayloadOffset, long Position, long Stop);

    private readonly record struct Resume(long Position, long Address, int PayloadOffset);
}
