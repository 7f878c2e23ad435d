using Delos.Daemon.LogServers;
using Delos.Protocol.Identity;

namespace Delos.Tests.Simulation;

/// <summary>What a start finds in a log, as daemon/Storage/GenerationScan.cs and SegmentLogRecovery.cs tell it: damage with proof behind it is unknown, unproven damage is the end.</summary>
internal static class SimRecovery
{
    public static SortedDictionary<LogletId, ReplicaCore> Recover(SimLog log, SimMutant mutant)
    {
        var cores = new SortedDictionary<LogletId, ReplicaCore>();
        var seenAtGap = new Dictionary<LogletId, int>();
        var proven = mutant == SimMutant.MiddleTakenForTorn ? 0 : log.Proven;
        var gaps = 0;
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

            var core = CoreOf(record.Loglet);
            switch (record.Kind)
            {
                case SimRecordKind.Config: core.RecoverConfig(record.Config!); break;
                case SimRecordKind.Seal: core.RecoverSeal(); break;
                case SimRecordKind.Trim: core.RecoverTrim(record.First); break;
                default:
                    core.RecoverEntries(record.First, record.Entries.Length);
                    if (record.Kind == SimRecordKind.Store) seenAtGap[record.Loglet] = gaps;
                    if (record.IsRotten) core.RecoverUnknown(record.First, record.First + record.Entries.Length);
                    break;
            }
        }

        if (log.Marked == log.Records.Count) OnMarker();

        // What was lost may have been any member's.
        foreach (var member in log.Members.Where(_ => gaps > 0))
        {
            var core = CoreOf(member);
            if (seenAtGap.GetValueOrDefault(member) < gaps) core.RecoverUnknown(core.DurableTail, long.MaxValue);
            core.RecoverDamage();
        }

        // Recovery syncs what it found before it reports it, and states it in a marker.
        log.Durable = log.Marked = log.Records.Count;
        log.MarkedEnds = cores.Where(c => !c.Value.HasHiddenTail).ToDictionary(c => c.Key, c => c.Value.DurableTail);
        return cores;

        void OnMarker()
        {
            foreach (var (loglet, end) in log.MarkedEnds)
            {
                seenAtGap[loglet] = gaps;
                var core = CoreOf(loglet);
                if (end > core.DurableTail) core.RecoverUnknown(core.DurableTail, end);
            }
        }

        ReplicaCore CoreOf(LogletId loglet)
        {
            if (!cores.TryGetValue(loglet, out var core)) cores[loglet] = core = ReplicaCore.Recovered();
            return core;
        }
    }
}
