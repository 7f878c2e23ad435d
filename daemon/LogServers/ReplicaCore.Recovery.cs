using Delos.Protocol.Chains;

namespace Delos.Daemon.LogServers;

/// <summary>
/// What a start of the daemon found in the replica's log, told in the order of the log. All of it is durable: storage synced it before it told anybody (rule 1).
/// An unsealed replica stays open, since its sequencer may live on.
/// </summary>
public sealed partial class ReplicaCore
{
    public void RecoverConfig(LogletConfig config) => AdoptConfig(config);

    public void RecoverEntries(long first, long count)
    {
        // Entries behind a hole: their place in the log proves that something was durable before them. Unknown, not absent (trap 26).
        if (first > DurableTail) Unknown.Add(DurableTail, first);
        else Unknown.Remove(first, first + count);
        SetRecoveredTail(Math.Max(DurableTail, first + count));
    }

    public void RecoverSeal() => Seal = SealState.Sealed;

    public void RecoverTrim(long point)
    {
        ApplyTrim(point);
        _acceptedTrim = TrimPoint;
        SetRecoveredTail(DurableTail);
    }

    /// <summary>Damage that may have hidden control records, a seal among them. Sealing is always allowed, so the owner seals the replica as soon as it can.</summary>
    public void RecoverDamage() => MayBeSealed = Seal != SealState.Sealed;

    /// <summary>Positions that storage could not read, though they were durable; <paramref name="end"/> is <see cref="long.MaxValue"/> if storage cannot tell how many.</summary>
    public void RecoverUnknown(long first, long end)
    {
        if (end == long.MaxValue)
        {
            HasHiddenTail = true;
            RecoverDamage();
            end = DurableTail;
        }

        first = Math.Max(first, TrimPoint);
        Unknown.Add(first, end);
        if (end > first) SetRecoveredTail(Math.Max(DurableTail, end));
    }

    private void SetRecoveredTail(long tail)
    {
        DurableTail = tail;
        AcceptedTail = tail;
    }
}
