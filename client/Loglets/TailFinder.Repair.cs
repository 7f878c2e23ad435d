namespace Delos.Client.Loglets;

/// <summary>Repair: what a sealed majority's laggards lack is copied to them, until a majority durably holds everything below the highest tail (case 2, trap 10).</summary>
internal sealed partial class TailFinder
{
    /// <summary>A majority is sealed. From here on answers still on their way join it: the round stays.</summary>
    private void BeginRepair()
    {
        _phase = Phase.Repairing;
        NextTick = null;
        _highest = 0;
        foreach (var replica in _replicas)
        {
            if (!replica.Known || !replica.IsSealed) continue;
            _highest = Math.Max(_highest, replica.Tail);
        }

        EvaluateRepair();
    }

    private void EvaluateRepair()
    {
        var holders = 0;
        var sealedCount = 0;
        var moving = 0;
        foreach (var replica in _replicas)
        {
            if (!replica.Known || !replica.IsSealed) continue;
            sealedCount++;
            if (replica.Tail >= _highest) holders++;
            else if (replica.Moving) moving++;
        }

        if (holders >= _config.Quorum)
        {
            // Cases 1 and 2: a sealed majority durably holds all below.
            Finish(TailOutcome.Sealed, _highest);
            return;
        }

        if (sealedCount < _config.Quorum || holders == 0)
        {
            // One of the majority is gone, perhaps the only one with the highest tail, whose last entries then are on no sealed majority and were not acknowledged: start over with who is left.
            RetryIfIdle();
            return;
        }

        while (holders + moving < _config.Quorum && Repair()) moving++;
        if (moving == 0) RetryIfIdle();
    }

    /// <summary>Sends the best laggard its next copies; false if there is no laggard left, or nobody who could serve one.</summary>
    private bool Repair()
    {
        var target = -1;
        var source = -1;
        for (var i = 0; i < _replicas.Length; i++)
        {
            var laggard = _replicas[i];
            if (!laggard.Known || !laggard.IsSealed || laggard.Waiting || laggard.Tail >= _highest) continue;
            if (target >= 0 && laggard.Tail <= _replicas[target].Tail) continue;
            if (FindSource(laggard.Tail) is not { } found) continue;
            target = i;
            source = found;
        }

        if (target < 0) return false;
        var tail = _replicas[target].Tail;
        var trimPoint = _replicas[source].TrimPoint;
        _replicas[target].Moving = true;

        // Below the source's trim point there is nothing to copy, and nobody needs it: a trim never passes the global tail, so that everything below is committed and was given up
        // by its owner (rule 7). The laggard jumps: it is told the trim, with that point as bound, and copies begin there.
        if (trimPoint > tail) Ask(TailRequestKind.Jump, target, -1, Math.Min(trimPoint, _highest));
        else Ask(TailRequestKind.Copy, target, source, tail, _highest);
        return true;
    }

    private int? FindSource(long position)
    {
        int? best = null;
        for (var i = 0; i < _replicas.Length; i++)
        {
            var replica = _replicas[i];
            if (!replica.Known || !replica.IsSealed || replica.Tail <= position || replica.DamagedAt == position) continue;
            if (best is null || replica.Tail > _replicas[best.Value].Tail) best = i;
        }

        return best;
    }
}
