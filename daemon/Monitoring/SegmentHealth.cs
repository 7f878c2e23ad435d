using Delos.Protocol.Chains;
using Delos.Protocol.Framing;

namespace Delos.Daemon.Monitoring;

/// <summary>Why an active segment should be replaced.</summary>
/// <param name="Reason">For the chain's history.</param>
/// <param name="Failed">The node that the new Loglet should do without; 0: none.</param>
/// <param name="IsDown">It takes no appends any more.</param>
internal sealed record SegmentVerdict(string Reason, uint Failed, bool IsDown);

/// <summary>
/// What the replicas of one active segment said, and since when, and whether that is reason to replace it. Pure: the caller brings answers and the time.
/// </summary>
internal sealed class SegmentHealth(LogletConfig config, MonitorOptions options)
{
    private readonly Dictionary<uint, TimeSpan> _lostSince = [];
    private TimeSpan? _sealedSince;

    /// <summary>Replicas that gave no answer the last time.</summary>
    public IReadOnlyCollection<uint> Lost => _lostSince.Keys;

    /// <summary>Some replica said that it is sealed.</summary>
    public bool IsSealed => _sealedSince is not null;

    /// <summary>A replica answered. One sealed replica is enough: whoever sealed it may have died, and a half seal with one server down must not hang (trap 12).</summary>
    public void OnStatus(uint node, StatusCode status, bool isSealed, TimeSpan now)
    {
        _lostSince.Remove(node);
        if ((status == StatusCode.Ok && isSealed) || status is StatusCode.Sealed or StatusCode.Deleted) _sealedSince ??= now;
    }

    /// <summary>A replica did not answer.</summary>
    public void OnLost(uint node, TimeSpan now) => _lostSince.TryAdd(node, now);

    /// <summary>Null: nothing to do.</summary>
    /// <param name="now">On the same clock as the answers.</param>
    /// <param name="spares">Live LogServers that are no replicas of the segment.</param>
    public SegmentVerdict? Judge(TimeSpan now, IReadOnlyCollection<uint> spares)
    {
        if (_sealedSince is { } since && now - since >= options.SealedGrace) return new SegmentVerdict("sealed without a successor", 0, IsDown: true);
        if (spares.Count == 0) return null;
        foreach (var replica in config.Replicas)
        {
            if (_lostSince.TryGetValue(replica.NodeId, out var lost) && now - lost >= options.LostGrace)
                return new SegmentVerdict($"LogServer of node {replica.NodeId} is lost, node {spares.Min()} can take its place", replica.NodeId, IsDown: false);
        }

        return null;
    }
}
