using Delos.Client.Placements;
using Delos.Protocol.Chains;
using Delos.Protocol.Identity;

namespace Delos.Client.Reconfiguration;

/// <summary>One wish to replace the active segment.</summary>
/// <param name="ExpectedSegment">Loglet of the active segment that shall be sealed. If another one is active, nothing is done (trap 14).</param>
public sealed record ExtendRequest(LogletId ExpectedSegment)
{
    /// <summary>Act only upon this chain version; null: upon any in which that segment is active.</summary>
    public ulong? ExpectedVersion { get; init; }

    /// <summary>A Loglet placed by the caller; null: placed here, by the policy and the hint. Its id must be fresh.</summary>
    public LogletConfig? Next { get; init; }

    /// <summary>New policy of the log; null: the present one.</summary>
    public LogPolicy? Policy { get; init; }

    /// <summary>The segment takes no appends any more, since its sequencer is gone or it is sealed: it is sealed at once, while its successor is still being prepared.</summary>
    public bool IsDown { get; init; }

    /// <summary>
    /// Asked once the chain was read, with how long that took; false: nothing is sealed. Whoever reached no majority of the MetaStore for a while was perhaps cut off itself, and what it takes for down is not.
    /// Null: not asked.
    /// </summary>
    public Func<TimeSpan, CancellationToken, ValueTask<bool>>? IsStillDown { get; init; }

    public PlacementHint Hint { get; init; } = PlacementHint.None;

    /// <summary>For the chain's history.</summary>
    public string Reason { get; init; } = "";
}

/// <summary>How an extension ended.</summary>
/// <param name="Chain">The newest chain known.</param>
/// <param name="Won">This request's segment was installed (by its install id, also if later versions exist: trap 15).</param>
/// <param name="Durations">How long the steps took.</param>
public sealed record ExtendResult(Chain Chain, bool Won, Admin.ReconfigDurations Durations);
