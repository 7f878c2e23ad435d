namespace Delos.Protocol.Chains;

/// <summary>Makes the next version of a chain. Pure; the MetaStore's conditional write decides which edit wins.</summary>
public static class ChainEdits
{
    // Of a segment and the edit that goes with it, without the config of its Loglet.
    private const int SegmentBytes = 2 << 10;

    /// <summary>The first version of a log.</summary>
    public static Chain Create(LogPolicy policy, LogletConfig loglet, Guid installId, ChainEdit edit) =>
        new(1, policy, [new Segment(0, null, loglet, installId, 1)], [edit with { Version = 1, Kind = ChainEditKind.Create, InstallId = installId }]);

    /// <summary>Whether another segment can follow. Ask before the active one is sealed.</summary>
    /// <param name="chain">As it is.</param>
    /// <param name="next">The policy by which that segment will be made.</param>
    public static bool HasRoom(Chain chain, LogPolicy next) =>
        chain.Segments.Count < Chain.MaxSegments && ChainCodec.SizeOf(chain) + SegmentBytes + LogletConfig.SizeOf(next) <= Chain.MaxBytes;

    /// <summary>
    /// Gives the active segment its stop and installs a new one behind it. <paramref name="stop"/> is a position of the VirtualLog,
    /// computed from the sealed Loglet's repaired tail. A segment in which nothing was appended is left out of the chain, where it would be one more at every restart of a log that nobody writes to: see
    /// <see cref="Chain.FindEnded"/>.
    /// </summary>
    public static Chain Extend(Chain chain, long stop, LogletConfig next, Guid installId, ChainEdit edit, LogPolicy? policy = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(stop, chain.Active.Start);
        var isEmpty = stop == chain.Active.Start;
        if (!isEmpty && chain.Segments.Count >= Chain.MaxSegments) throw new InvalidOperationException($"The chain has {Chain.MaxSegments} segments: truncate it first.");
        var version = chain.Version + 1;
        var segments = new List<Segment>(chain.Segments.Count + 1);
        segments.AddRange(chain.Segments.Take(chain.Segments.Count - 1));
        if (!isEmpty) segments.Add(chain.Active with { Stop = stop });
        segments.Add(new Segment(stop, null, next, installId, version));
        return new Chain(version, policy ?? chain.Policy, segments, Note(chain, edit with { Version = version, Kind = ChainEditKind.Extend, InstallId = installId }));
    }

    /// <summary>Drops every sealed segment that ends at or below <paramref name="position"/>.</summary>
    public static Chain Truncate(Chain chain, long position, ChainEdit edit)
    {
        var version = chain.Version + 1;
        var kept = chain.Segments.Where(s => s.Stop is not { } stop || stop > position).ToList();
        return new Chain(version, chain.Policy, kept, Note(chain, edit with { Version = version, Kind = ChainEditKind.Truncate }));
    }

    /// <summary>Replaces the Loglet of one sealed segment; its bounds stay. Null: no sealed segment has that Loglet.</summary>
    public static Chain? Modify(Chain chain, LogletConfig current, LogletConfig replacement, ChainEdit edit)
    {
        var version = chain.Version + 1;
        var segments = chain.Segments.ToList();
        var index = segments.FindIndex(s => s.Loglet.Id == current.Id && s.Stop is not null);
        if (index < 0) return null;
        segments[index] = segments[index] with { Loglet = replacement };
        return new Chain(version, chain.Policy, segments, Note(chain, edit with { Version = version, Kind = ChainEditKind.Modify }));
    }

    private static List<ChainEdit> Note(Chain chain, ChainEdit edit) => [.. chain.History.TakeLast(Chain.MaxHistory - 1), edit];
}
