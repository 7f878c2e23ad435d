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
                OnGap(files, header.Address, LiveGeneration.RecordEnd(header.Address, header.PayloadLength));
                return;
            }

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
            EntryWalk.FindDamaged(payload, header.First, header.Count, (first, end) => index.AddUnknown(first, end));
        }

        visitor.OnRecord(log, header, [], LogAddress.Make(files.Name.Number, header.Address));
    }

    public void OnGap(GenerationFiles files, long start, long end)
    {
        _gaps++;

        // The log was made for this Loglet: if nothing more is seen of it, then all of it is unknown, and not absent. A file that seems to hold nothing, for damage, is not to be collected as if it did:
        // the next start would know of no damage.
        log.IndexOf(log.Id);
        files.Note(start, log.Id, long.MaxValue);
        foreach (var index in log.Indexes.Values) index.MarkNext();
        _damage.Add(Damaged(files, start, end));
    }

    public void OnEnds(IReadOnlyList<LogletEnd> ends)
    {
        foreach (var (loglet, end) in ends)
        {
            _seenAtGap[loglet] = _gaps;
            Raise(loglet, end);
        }
    }

    public List<LogletEnd> DescribeEnds() => [.. log.Indexes.Where(i => _seenAtGap.GetValueOrDefault(i.Key) >= _gaps).Select(i => new LogletEnd(i.Key, i.Value.End)).OrderBy(e => e.Loglet)];

    /// <summary>After the last generation.</summary>
    public void Finish()
    {
        // This also clears the hole of a laggard whose tail jumped to the trim point.
        foreach (var (loglet, position) in _trims) log.IndexOf(loglet).Trim(position);
        foreach (var (loglet, index) in log.Indexes.OrderBy(i => i.Key))
        {
            if (_seenAtGap.GetValueOrDefault(loglet) < _gaps) index.AddUnknown(index.End, long.MaxValue);
            foreach (var (first, end) in index.Unknown) visitor.OnUnknownRange(log, loglet, first, end);
        }

        foreach (var (file, offset, length) in _damage) visitor.OnDamage(log, file, offset, length);
    }

    /// <summary>The log is known to have held everything of the Loglet below the position.</summary>
    private void Raise(LogletId loglet, long position)
    {
        var index = log.IndexOf(loglet);
        if (position > index.End) index.AddUnknown(index.End, position);
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
