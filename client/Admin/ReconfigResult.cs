using Delos.Protocol.Chains;

namespace Delos.Client.Admin;

/// <summary>What a reconfiguration came to.</summary>
/// <param name="Chain">The newest chain known at its end.</param>
/// <param name="Won">True if this very edit was installed; false: somebody else's, and the chain is theirs.</param>
/// <param name="Durations">How long its steps took.</param>
public sealed record ReconfigResult(Chain Chain, bool Won, ReconfigDurations Durations);

/// <summary>How long the steps of a reconfiguration took. From the start of <see cref="Seal"/> to the end of <see cref="Write"/> nothing can be appended.</summary>
/// <param name="Prepare">Placement and opening of the new Loglet; appends go on meanwhile.</param>
/// <param name="Seal">Seal, tail and repair of the old one (of modify: copy and verification, during which appends go on).</param>
/// <param name="Write">The conditional write, and reading back what won.</param>
public readonly record struct ReconfigDurations(TimeSpan Prepare, TimeSpan Seal, TimeSpan Write)
{
    /// <summary>While nothing could be appended, as this reconfigurer saw it.</summary>
    public TimeSpan Pause => Seal + Write;
}

/// <summary>A sealed active segment.</summary>
/// <param name="Chain">The chain in which it is active, not changed by the seal.</param>
/// <param name="ComputedTail">The tail as computed from a majority. Only the chain that gives the segment its stop fixes it: never treat this as the end of the log.</param>
public sealed record SealResult(Chain Chain, long ComputedTail);
