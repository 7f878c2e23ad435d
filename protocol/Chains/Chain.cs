namespace Delos.Protocol.Chains;

/// <summary>
/// The chain of one log at one version: its segments, back to back, the last one active. Immutable; <see cref="ChainEdits"/> makes the next version.
/// The version is that of the MetaStore register which holds it.
/// </summary>
public sealed record Chain(ulong Version, LogPolicy Policy, IReadOnlyList<Segment> Segments, IReadOnlyList<ChainEdit> History)
{
    /// <summary>Edits kept in <see cref="History"/>, the newest.</summary>
    public const int MaxHistory = 64;

    public const int MaxSegments = 4096;

    /// <summary>Bytes of its encoding, below what a register of the MetaStore takes; with many replicas this is reached before <see cref="MaxSegments"/>.</summary>
    public const int MaxBytes = 736 << 10;

    public Segment Active => Segments[^1];

    /// <summary>First position that the chain still covers.</summary>
    public long Start => Segments[0].Start;

    /// <summary>The segment that holds <paramref name="position"/>; null below <see cref="Start"/>.</summary>
    public Segment? Find(long position)
    {
        for (var i = Segments.Count - 1; i >= 0; i--)
        {
            if (position >= Segments[i].Start) return Segments[i];
        }

        return null;
    }

    public Segment? FindByInstallId(Guid installId)
    {
        foreach (var segment in Segments)
        {
            if (segment.InstallId == installId) return segment;
        }

        return null;
    }

    /// <summary>Whether this version, or one of the last <see cref="MaxHistory"/> before it, installed a segment under that id, though it may be gone from the chain by now (trap 15).</summary>
    public bool HasInstalled(Guid installId)
    {
        if (FindByInstallId(installId) is not null) return true;
        foreach (var edit in History)
        {
            if (edit.InstallId == installId) return true;
        }

        return false;
    }

    /// <summary>
    /// A segment that was active once, as it ended: with its stop. One that is not in the chain any more because nothing was appended to it stops where it starts; that is told by the segment which starts there
    /// instead. Null: it was truncated away, or nobody can tell any more, because what followed was, too.
    /// </summary>
    public Segment? FindEnded(Segment former)
    {
        if (FindByInstallId(former.InstallId) is { } found) return found;
        foreach (var segment in Segments)
        {
            if (segment.Start == former.Start) return former with { Stop = former.Start };
        }

        return null;
    }

    public bool Equals(Chain? other) =>
        other is not null && Version == other.Version && Policy == other.Policy && Segments.SequenceEqual(other.Segments) && History.SequenceEqual(other.History);

    public override int GetHashCode() => HashCode.Combine(Version, Segments.Count);
}
