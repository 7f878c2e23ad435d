using Delos.Daemon.LogServers;

namespace Delos.Tests.Simulation;

/// <summary>What a start finds in a replica's log, as daemon/Storage/GenerationScan.cs and SegmentLogRecovery.cs tell it: damage with proof behind it is unknown, unproven damage is the end.</summary>
internal static class SimRecovery
{
    public static ReplicaCore Recover(SimLog log, SimMutant mutant)
    {
        var core = ReplicaCore.Recovered();
        var proven = mutant == SimMutant.MiddleTakenForTorn ? 0 : log.Proven;
        int gaps = 0, seenAtGap = 0;
        for (var i = 0; i < log.Records.Count; i++)
        {
            if (i == log.Marked) OnMarker();
            var record = log.Records[i];
            var isGap = record.IsLost || (record.IsRotten && !record.HoldsEntries);
            if ((isGap || record.IsRotten) && i >= proven)
            {
                log.Records.RemoveRange(i, log.Records.Count - i);
                break;
            }

            if (isGap)
            {
                gaps++;
                continue;
            }

            switch (record.Kind)
            {
                case SimRecordKind.Config: core.RecoverConfig(record.Config!); break;
                case SimRecordKind.Seal: core.RecoverSeal(); break;
                case SimRecordKind.Trim: core.RecoverTrim(record.First); break;
                default:
                    core.RecoverEntries(record.First, record.Entries.Length);
                    if (record.Kind == SimRecordKind.Store) seenAtGap = gaps;
                    if (record.IsRotten) core.RecoverUnknown(record.First, record.First + record.Entries.Length);
                    break;
            }
        }

        if (log.Marked == log.Records.Count) OnMarker();
        if (seenAtGap < gaps) core.RecoverUnknown(core.DurableTail, long.MaxValue);
        if (gaps > 0) core.RecoverDamage();

        // Recovery syncs what it found before it reports it, and states it in a marker.
        log.Durable = log.Marked = log.Records.Count;
        log.MarkedEnd = core.HasHiddenTail ? -1 : core.DurableTail;
        return core;

        void OnMarker()
        {
            if (log.MarkedEnd < 0) return;
            seenAtGap = gaps;
            if (log.MarkedEnd > core.DurableTail) core.RecoverUnknown(core.DurableTail, log.MarkedEnd);
        }
    }
}
