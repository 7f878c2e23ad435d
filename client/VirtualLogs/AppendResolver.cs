using Delos.Protocol.Chains;
using Delos.Protocol.Entries;

namespace Delos.Client.VirtualLogs;

/// <summary>
/// Decides what became of the parked appends of one segment, by one pass over <c>[From, To)</c> of its Loglet. Only a segment to which an installed chain gives a stop can be asked:
/// a server's or an observer's tail proves nothing about absence (traps 9 and 17; mutants RESOLVE_UNSEALED, RESOLVE_OWN_TAIL).
/// </summary>
internal sealed class AppendResolver
{
    private readonly ulong _clientId;
    private readonly Dictionary<ulong, AppendLifecycle> _open;

    /// <param name="segment">As the newest chain has it, with its stop.</param>
    /// <param name="clientId">The client id of all the appends.</param>
    /// <param name="parked">Appends parked in that segment.</param>
    public AppendResolver(Segment segment, ulong clientId, IReadOnlyCollection<AppendLifecycle> parked)
    {
        if (segment.Stop is not { } stop) throw new ArgumentException("The segment has no stop: nothing can be concluded from it.", nameof(segment));
        _clientId = clientId;
        _open = new Dictionary<ulong, AppendLifecycle>(parked.Count);
        var length = stop - segment.Start;
        From = length;
        foreach (var append in parked)
        {
            if (append.State != AppendState.Parked || append.Segment!.InstallId != segment.InstallId)
                throw new ArgumentException($"Append {append.Sequence} is not parked in this segment.", nameof(parked));

            // A Loglet assigns one position to an id, whatever the number of copies: named at or behind the stop means not in the segment.
            var (low, high) = append.NamedPosition >= 0 ? (append.NamedPosition, append.NamedPosition + 1) : (append.ScanStart, length);
            if (low >= Math.Min(high, length))
            {
                append.OnAbsent();
                continue;
            }

            From = Math.Min(From, low);
            To = Math.Max(To, Math.Min(high, length));
            _open.Add(append.Sequence, append);
        }
    }

    /// <summary>First Loglet position to read.</summary>
    public long From { get; private set; }

    /// <summary>First Loglet position not to read: at most the stop.</summary>
    public long To { get; }

    /// <summary>True when nothing is left to look for.</summary>
    public bool IsDone => _open.Count == 0;

    /// <summary>One entry of the range. A deleted entry counts: it kept its append id (mutant DELETE_DROPS_ID).</summary>
    public void OnEntry(long logletPosition, AppendId id)
    {
        if (id.ClientId == _clientId && _open.Remove(id.Sequence, out var append)) append.OnFound(logletPosition);
    }

    /// <summary>
    /// Everything below <paramref name="trimPoint"/> is gone. An append that may lie there cannot be resolved by absence any more (mutant TRIM_IS_ABSENT);
    /// it may still be found above, if its position was not named.
    /// </summary>
    public void OnTrimmed(long trimPoint)
    {
        _trimPoint = Math.Max(_trimPoint, trimPoint);
        From = Math.Max(From, trimPoint);
    }

    /// <summary>The range was read to its end: what was not found is absent, except below the trim point.</summary>
    public void OnEnd()
    {
        foreach (var append in _open.Values)
        {
            var low = append.NamedPosition >= 0 ? append.NamedPosition : append.ScanStart;
            if (low < _trimPoint) append.OnTrimmed();
            else append.OnAbsent();
        }

        _open.Clear();
    }

    private long _trimPoint;
}
