using Delos.Daemon.LogServers;
using Delos.Protocol.Chains;

namespace Delos.Daemon.Monitoring;

/// <summary>What one local replica lacks.</summary>
/// <param name="Config">Of the Loglet.</param>
/// <param name="Stop">Of the segment in the installed chain, as a Loglet position; null: it is active.</param>
/// <param name="MustSeal">The replica is missing or open although its segment has a stop.</param>
/// <param name="From">Its durable tail.</param>
/// <param name="To">Up to where it is to be filled; at most the stop, or the global tail that it was told.</param>
/// <param name="Damaged">Ranges below its tail that are to be fetched again.</param>
/// <param name="HasHiddenTail">Damage hides where it ended, or lies behind the stop, where nobody will ever read and no peer need have anything.</param>
internal sealed record RefillPlan(LogletConfig Config, long? Stop, bool MustSeal, long From, long To, IReadOnlyList<PositionRange> Damaged, bool HasHiddenTail)
{
    /// <summary>The reads' bound (DESIGN §3, LogServer rules 4 and 5).</summary>
    public long Bound => Stop ?? To;

    /// <summary>
    /// Null: it lacks nothing, or nobody but its sequencer can help. A segment without stop is filled up to the announced global tail only, and is never created here: its sequencer does that.
    /// </summary>
    public static RefillPlan? Make(SegmentPart part, ReplicaSnapshot? replica)
    {
        var (loglet, stop) = part;
        if (loglet.Kind != LogletKind.Native || replica is { IsDeleted: true }) return null;
        if (replica is null) return stop is { } end ? new RefillPlan(loglet, end, true, 0, end, [], false) : null;
        var to = stop ?? replica.GlobalTail;
        PositionRange[] damaged = [.. replica.Unknown.Select(r => new PositionRange(Math.Max(r.First, replica.TrimPoint), Math.Min(r.End, to))).Where(r => r.First < r.End)];
        var hasHiddenTail = replica.HasHiddenTail || (stop is { } last && replica.Unknown.Any(r => r.End > last));
        var mustSeal = stop is not null && !replica.IsSealed;
        if (!mustSeal && replica.DurableTail >= to && damaged.Length == 0 && !(hasHiddenTail && stop is not null)) return null;
        return new RefillPlan(loglet, stop, mustSeal, replica.DurableTail, to, damaged, hasHiddenTail);
    }
}
