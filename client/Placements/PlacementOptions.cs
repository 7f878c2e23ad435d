namespace Delos.Client.Placements;

/// <summary>Times of a placement.</summary>
public sealed record PlacementOptions
{
    /// <summary>How long nodes have to say that they live.</summary>
    public TimeSpan ProbeTimeout { get; init; } = TimeSpan.FromMilliseconds(150);

    /// <summary>The same if nobody is waiting for the placement: a process that has just started, or a busy node, need not be quick.</summary>
    public TimeSpan PlannedProbeTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long slower ones are waited for once enough have answered.</summary>
    public TimeSpan ProbeGrace { get; init; } = TimeSpan.FromMilliseconds(10);
}
