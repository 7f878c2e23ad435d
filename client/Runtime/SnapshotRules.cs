namespace Delos.Runtime;

/// <summary>
/// Which snapshots are written, kept, withdrawn and restored, by the list of those that there are, newest first (trap 24). Only own ones count, and only when another replica had the same state at or behind them: a snapshot of
/// a state that turns out to be wrong must neither free the log nor push out a good one.
/// </summary>
internal static class SnapshotRules
{
    /// <summary>Whether one is to be written at that cursor.</summary>
    /// <param name="known">Those in this replica's place: whoever wrote them, if it is shared.</param>
    /// <param name="cursor">First position not applied.</param>
    /// <param name="trimPoint">From where on the log is to be there for all replicas.</param>
    /// <param name="every">Positions from the newest one to the next.</param>
    /// <param name="isForced">Somebody wants one: if there is anything new.</param>
    public static bool IsDue(IReadOnlyList<SnapshotInfo> known, long cursor, long trimPoint, long every, bool isForced)
    {
        var newest = known.Count > 0 ? known[0].Cursor : -1;

        // The log does not reach back to the newest one: whoever has it may be gone, so who has the state sees to a new one.
        if (Math.Max(newest, 0) < trimPoint && newest < cursor) return true;
        return isForced ? cursor > newest : cursor - Math.Max(newest, 0) >= every;
    }

    /// <summary>From where on the log has to be kept for this replica's snapshots (-1: they free nothing), and which snapshots nobody needs any more.</summary>
    /// <param name="known">Whoever wrote them.</param>
    /// <param name="me">This replica.</param>
    /// <param name="isShared">They lie where all find them.</param>
    /// <param name="isAlone">There is no other replica to agree with.</param>
    /// <param name="agreedUpTo">The highest position at which another replica had the same state; -1: none.</param>
    /// <param name="reported">What this replica said last, as far as it is known; -1: nothing.</param>
    /// <param name="kept">How many to keep, at least one.</param>
    /// <param name="trimmed">How far the log is trimmed.</param>
    public static (long KeptFrom, IReadOnlyList<SnapshotInfo> Superfluous) Keep(
        IReadOnlyList<SnapshotInfo> known, ulong me, bool isShared, bool isAlone, long agreedUpTo, long reported, int kept, long trimmed)
    {
        var confirmed = known.Where(s => s.Replica == me && (isAlone || s.Cursor <= agreedUpTo)).ToList();
        var from = confirmed.Count > 0 ? confirmed[Math.Min(confirmed.Count, kept) - 1].Cursor : -1;

        // Of three replicas one loses what it has when the log is trimmed to the second best, and writes anew. If that counted at once, the log would be trimmed to what is second best then, another one would lose what it has,
        // and so on: snapshot after snapshot, though nothing happens. So who has not got its number of them together again does not push.
        if (!isShared && confirmed.Count < kept && trimmed > 0) from = Math.Min(from, trimmed);

        // While all others are away nobody confirms any. The oldest is what will be confirmed first: were it to go, too, none might ever be. What was reported is agreed upon, also if this process does not remember by whom.
        var unconfirmed = isAlone ? [] : known.Where(s => s.Replica == me && s.Cursor > Math.Max(agreedUpTo, reported) && s.Cursor >= trimmed).ToList();
        return (from, [.. confirmed.Skip(kept).Concat(unconfirmed.Skip(kept).SkipLast(1)).Concat(known.Where(s => s.Cursor < trimmed)).Distinct()]);
    }

    /// <summary>
    /// Of a replica that has diverged: what it wrote after it last agreed with another one is not to be restored by anybody. What it had reported was agreed upon, also if this process does not remember it: the log may be trimmed to it.
    /// </summary>
    public static IEnumerable<SnapshotInfo> Wrong(IReadOnlyList<SnapshotInfo> known, ulong me, long agreedUpTo, IEnumerable<ReplicaRecord> replicas)
    {
        var reported = replicas.Where(r => r.Report.Replica == me).Select(static r => r.Report.Snapshot).FirstOrDefault(-1);
        var good = Math.Max(agreedUpTo, reported);
        return known.Where(s => s.Replica == me && s.Cursor > good);
    }

    /// <summary>Those from which a replica can go on in a log that begins at <paramref name="first"/>, best first.</summary>
    public static IEnumerable<SnapshotInfo> Usable(IReadOnlyList<SnapshotInfo> known, long first) => known.Where(s => s.Cursor >= first);
}
