namespace Delos.Protocol.Chains;

/// <summary>
/// <c>[Start, Stop) → Loglet</c>: one part of a VirtualLog's address space. Position p of the VirtualLog is position <c>p - Start</c> of the Loglet.
/// </summary>
/// <param name="Start">First position.</param>
/// <param name="Stop">First position behind it; null while it is the active segment. Once set it never changes.</param>
/// <param name="Loglet">What stores it. Replaced only by reconfigModify.</param>
/// <param name="InstallId">Random, drawn by whoever proposed it: by this a client whose conditional write timed out recognises its win (trap 15).</param>
/// <param name="CreatedAt">The chain version that installed it.</param>
public sealed record Segment(long Start, long? Stop, LogletConfig Loglet, Guid InstallId, ulong CreatedAt)
{
    public bool IsActive => Stop is null;

    /// <summary>The Loglets that hold it. What a stripe has beyond its stop was never acknowledged, and nobody reads it.</summary>
    public IReadOnlyList<SegmentPart> Parts
    {
        get
        {
            if (Loglet.Stripes.Count == 0) return [new SegmentPart(Loglet, Stop - Start)];
            var math = new StripeMath(Loglet.Stripes.Count);
            return [.. Loglet.Stripes.Select((stripe, i) => new SegmentPart(stripe, Stop is { } stop ? math.OwnBelow(i, stop - Start) : null))];
        }
    }

    public bool Contains(long position) => position >= Start && (Stop is not { } stop || position < stop);
}
