using Delos.Protocol.Identity;

namespace Delos.Daemon.Storage;

/// <summary>
/// Turns what the scans of a segment log's generations found into its index and into calls of the owner's visitor. Positions of a Loglet are dense, so a hole in them that is not below the
/// trim point is damage. Damage after which nothing more was seen of a Loglet leaves its end open.
/// </summary>
internal sealed class SegmentLogRecovery(SegmentLog log, ISegmentLogVisitor visitor) : IScanSink
{
    private readonly Dictionary<LogletId, long> _trims = [];
    private readonly Dictionary<LogletId, int> _seenAtGap = [];
    private readonly List<(string File, long Offset, long Length)> _damage = [];
    private readonly List<(GenerationFiles Files, long Start)> _lost = [];
    private readonly List<(LogletId Loglet, long End)> _holes = [];
    private int _gaps;

    public void OnRecord(GenerationFiles files, in RecordHeader header, ReadOnlySpan<byte> payload, bool intact)
    {
        if (header.Kind == RecordKind.Checkpoint)
        {
            if (!intact) return;
            OnEnds(LogletEnd.Decode(payload));
            return;
        }

        if (!header.Kind.HoldsEntries())
        {
            if (!intact)
            {
                // The header is whole: this one control record is lost, and no entries can have been.
                Lost(files, header.Address, LiveGeneration.RecordEnd(header.Address, header.PayloadLength));
                return;
            }

            // So that its end is known to be hidden if damage took everything before it.
            log.IndexOf(header.Loglet);
            if (header.Kind == RecordKind.Trim && header.First > _trims.GetValueOrDefault(header.Loglet)) _trims[header.Loglet] = header.First;
            log.Note(files, header, payload);
            visitor.OnRecord(log, header, payload, LogAddress.Make(files.Name.Number, header.Address));
            return;
        }

        // A peer's copies are what it took to fill a hole, as far as it got: they do not tell where the log ended.
        if (header.Kind == RecordKind.Entries) _seenAtGap[header.Loglet] = _gaps;
        Raise(header.Loglet, header.First);
        log.Note(files, header, []);
        if (!intact)
        {
            var (loglet, index) = (header.Loglet, log.IndexOf(header.Loglet));
            // The header is whole: entries are lost, but no control record can have been.
            Damaged(files, header.Address, LiveGeneration.RecordEnd(header.Address, header.PayloadLength));
            EntryWalk.FindDamaged(payload, header.First, header.Count, header.PayloadCrc, (first, end) => index.AddUnknown(first, end));
        }

        visitor.OnRecord(log, header, [], LogAddress.Make(files.Name.Number, header.Address));
    }

    public void OnGap(GenerationFiles files, long start, long end)
    {
        _gaps++;
        Lost(files, start, end);
        foreach (var index in log.Indexes.Values) index.MarkNext();
    }

    public void OnEnds(IReadOnlyList<LogletEnd> ends)
    {
        foreach (var (loglet, end) in ends)
        {
            _seenAtGap[loglet] = _gaps;
            Raise(loglet, end);
        }
    }

    public List<LogletEnd> DescribeEnds() => [.. log.Indexes.Where(i => _seenAtGap.GetValueOrDefault(i.Key, -1) >= _gaps).Select(i => new LogletEnd(i.Key, i.Value.End)).OrderBy(e => e.Loglet)];

    /// <summary>After the last generation.</summary>
    public void Finish()
    {
        // This also clears the hole of a laggard whose tail jumped to the trim point.
        foreach (var (loglet, position) in _trims) log.IndexOf(loglet).Trim(position);
        var isFrontLost = IsFrontLost();
        if (isFrontLost) ExpectMembers();
        foreach (var (loglet, index) in log.Indexes.OrderBy(i => i.Key))
        {
            if (_seenAtGap.GetValueOrDefault(loglet, isFrontLost ? -1 : 0) < _gaps) index.AddUnknown(index.End, long.MaxValue);
            foreach (var (first, end) in index.Unknown) visitor.OnUnknownRange(log, loglet, first, end);
        }

        KeepDamagedFiles();
        if (isFrontLost) _damage.Add((log.Path, 0, 0));
        foreach (var (file, offset, length) in _damage) visitor.OnDamage(log, file, offset, length);
    }

    private void Lost(GenerationFiles files, long start, long end)
    {
        ExpectMembers();
        _lost.Add((files, start));
        _damage.Add(Damaged(files, start, end));
    }

    /// <summary>The log was made for these Loglets: if nothing more is seen of one, then all of it is unknown, and not absent.</summary>
    private void ExpectMembers()
    {
        foreach (var member in log.Members) log.IndexOf(member);
    }

    /// <summary>The log is known to have held everything of the Loglet below the position.</summary>
    private void Raise(LogletId loglet, long position)
    {
        var index = log.IndexOf(loglet);
        if (position <= index.End) return;
        _holes.Add((loglet, position));
        index.AddUnknown(index.End, position);
    }

    /// <summary>
    /// Files that are gone from the front leave no gap between records. But only a trim takes files away, and its record stays; and entries that nobody trimmed leave a hole in the positions.
    /// What else went with them, a seal maybe, is not known.
    /// </summary>
    private bool IsFrontLost() =>
        (_trims.Count == 0 && log.HasLostFiles) || (_gaps == 0 && _holes.Exists(h => h.End > log.IndexOf(h.Loglet).TrimPoint));

    /// <summary>
    /// A file that shows nothing but damage would pass for one that holds nothing, be collected, and the next start would not hear of the damage. It stays until everything is trimmed that may have been in it;
    /// by then the owner has written anew what it had to take for lost (a seal comes before any trim). Files behind it go later in any case.
    /// </summary>
    private void KeepDamagedFiles()
    {
        foreach (var (files, start) in _lost)
        {
            foreach (var (loglet, index) in log.Indexes) files.Note(start, loglet, index.IsEndHidden ? long.MaxValue : Math.Max(1, index.End));
        }
    }

    private (string File, long Offset, long Length) Damaged(GenerationFiles files, long start, long end)
    {
        var offset = start & (files.Name.FileBytes - 1);
        var file = files.FilePath((int)(start >> files.Name.FileBits));
        log.Group.Counters.Damaged();
        Log.RecordDamaged(log.Group.Logger, file, offset, end - start);
        return (file, offset, end - start);
    }
}
