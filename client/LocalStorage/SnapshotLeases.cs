using Delos.Runtime;

namespace Delos.LocalStorage;

/// <summary>
/// Which snapshots others are copying: each for some time after a part of it was asked for last. As many as are allowed, first come first served; a copy beyond that may find its snapshot deleted. Pure; not thread-safe.
/// </summary>
/// <param name="time">How long after the last part.</param>
/// <param name="most">Snapshots that are kept at a time.</param>
internal sealed class SnapshotLeases(TimeSpan time, int most)
{
    private readonly Dictionary<SnapshotInfo, TimeSpan> _ends = [];

    /// <summary>A part of it was asked for.</summary>
    /// <param name="snapshot">Which one.</param>
    /// <param name="now">Time since whenever, never going back.</param>
    /// <returns>False: there are too many, it is not kept.</returns>
    public bool Renew(SnapshotInfo snapshot, TimeSpan now)
    {
        if (!_ends.ContainsKey(snapshot) && _ends.Count >= most)
        {
            foreach (var over in _ends.Where(e => e.Value <= now).Select(static e => e.Key).ToList()) _ends.Remove(over);
            if (_ends.Count >= most) return false;
        }

        _ends[snapshot] = now + time;
        return true;
    }

    /// <summary>It must not be deleted yet.</summary>
    public bool IsHeld(SnapshotInfo snapshot, TimeSpan now) => _ends.TryGetValue(snapshot, out var end) && now < end;

    /// <summary>It is gone.</summary>
    public void End(SnapshotInfo snapshot) => _ends.Remove(snapshot);
}
