namespace Delos.Protocol.Chains;

/// <summary>One Loglet of a segment that has replicas of its own: all of it, or a stripe.</summary>
/// <param name="Loglet">Not striped.</param>
/// <param name="Stop">The segment's stop in the installed chain, as a position of this Loglet; null while the segment is active.</param>
public readonly record struct SegmentPart(LogletConfig Loglet, long? Stop);
