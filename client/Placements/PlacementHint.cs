using Delos.Protocol.Chains;

namespace Delos.Client.Placements;

/// <summary>What to consider in a placement.</summary>
public sealed record PlacementHint
{
    public static PlacementHint None { get; } = new();

    /// <summary>The Loglet that the new one follows: its live replicas are preferred, its sequencer's node is not (rotation).</summary>
    public LogletConfig? Former { get; init; }

    /// <summary>Nodes believed dead or failing: used only if nothing else is left, never as sequencer.</summary>
    public IReadOnlyList<uint> Avoid { get; init; } = [];

    /// <summary>This node must sequence.</summary>
    public uint? Sequencer { get; init; }

    /// <summary>Appends go on meanwhile: nodes are given <see cref="PlacementOptions.PlannedProbeTimeout"/> to answer.</summary>
    public bool IsPlanned { get; init; }

    /// <summary>Exactly these nodes must store.</summary>
    public IReadOnlyList<uint>? Replicas { get; init; }
}
