using Delos.Protocol.Messages;

namespace Delos.Runtime;

/// <summary>
/// Finds replicas that have not reported for long. Time counts only while this replica's own reports get through: after an outage of the log, or of this process, nobody was silent. Not thread-safe.
/// </summary>
internal sealed class SilenceWatch(ulong me, TimeSpan reportEvery, TimeSpan evictAfter)
{
    private readonly Dictionary<ulong, (long ReportedAt, TimeSpan Silent)> _silent = [];

    /// <summary>To be called after each report of this replica.</summary>
    /// <param name="replicas">As the store has them.</param>
    /// <param name="elapsed">Since the last call; zero at the first.</param>
    /// <returns>Those to be evicted.</returns>
    public IReadOnlyList<(ReplicaRecord Replica, TimeSpan Silent)> Observe(IReadOnlyList<ReplicaRecord> replicas, TimeSpan elapsed)
    {
        if (elapsed > reportEvery * 2) elapsed = reportEvery * 2;
        var gone = new List<(ReplicaRecord Replica, TimeSpan Silent)>();
        foreach (var replica in replicas.Where(r => r.Report.Replica != me))
        {
            var id = replica.Report.Replica;
            var silent = _silent.TryGetValue(id, out var seen) && seen.ReportedAt == replica.ReportedAt ? seen.Silent + elapsed : TimeSpan.Zero;
            _silent[id] = (replica.ReportedAt, silent);
            if (silent >= evictAfter) gone.Add((replica, silent));
        }

        return gone;
    }

    /// <summary>Evicts a replica, unless it has reported since.</summary>
    public static Proposal Evict(ReplicaRecord replica)
    {
        var payload = new byte[16];
        var writer = new MessageWriter(payload);
        writer.U64(replica.Report.Replica);
        writer.I64(replica.ReportedAt);
        return new Proposal(ProposalKind.Evict, 0, 0, 0, payload);
    }
}
