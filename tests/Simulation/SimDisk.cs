using Delos.Daemon.LogServers;
using Delos.Protocol.Chains;
using Delos.Protocol.Identity;

namespace Delos.Tests.Simulation;

internal enum SimRecordKind
{
    Config,
    Store,
    Copy,
    Seal,
    Trim,
}

/// <summary>One record of a replica's log; its end address is its index + 1.</summary>
internal sealed record SimRecord(SimRecordKind Kind, long First, byte[][] Entries, LogletConfig? Config)
{
    public bool IsRotten { get; set; }
}

/// <summary>A LogServer's log of one Loglet.</summary>
internal sealed class SimLog(LogletId id)
{
    public LogletId Id => id;

    public List<SimRecord> Records { get; } = [];

    public int Durable { get; set; }
}

/// <summary>One node's disk: group commit after a random while; a crash takes the unsynced end, wholly or from a random record on.</summary>
internal sealed class SimDisk(SimWorld world)
{
    private bool _committing;
    private int _life;

    public Guid DiskId { get; } = world.NewGuid();

    public SortedDictionary<LogletId, SimLog> Logs { get; } = [];

    public HashSet<LogletId> Tombstones { get; } = [];

    /// <summary>The acceptor's journal: every record was synced before its reply left.</summary>
    public List<byte[]> Journal { get; } = [];

    public bool IsFull { get; set; }

    public int SyncMicroseconds { get; set; } = 300;

    public Action<SimLog>? Synced { get; set; }

    public int Append(SimLog log, SimRecord record)
    {
        log.Records.Add(record);
        Kick();
        return log.Records.Count;
    }

    public void Crash()
    {
        _life++;
        _committing = false;
        foreach (var log in Logs.Values)
        {
            var kept = log.Durable + world.Random.Next(log.Records.Count - log.Durable + 1);
            log.Records.RemoveRange(kept, log.Records.Count - kept);

            // Recovery syncs what it found before it reports it.
            log.Durable = kept;
        }
    }

    /// <summary>Damages a durable record with entries.</summary>
    public SimRecord? Rot()
    {
        var candidates = Logs.Values.SelectMany(l => l.Records.Take(Math.Max(0, l.Durable - 1))).Where(r => r.Kind is SimRecordKind.Store or SimRecordKind.Copy && !r.IsRotten).ToArray();
        if (candidates.Length == 0) return null;
        var record = candidates[world.Random.Next(candidates.Length)];
        record.IsRotten = true;
        return record;
    }

    private void Kick()
    {
        if (_committing) return;
        _committing = true;
        var life = _life;
        world.At(world.Random.Next(50), () =>
        {
            if (_life != life) return;
            var ends = Logs.Values.Where(l => l.Records.Count > l.Durable).Select(l => (Log: l, End: l.Records.Count)).ToArray();
            world.At(50 + world.Random.Next(SyncMicroseconds), () =>
            {
                if (_life != life) return;
                _committing = false;
                foreach (var (log, end) in ends)
                {
                    log.Durable = Math.Max(log.Durable, end);
                    Synced?.Invoke(log);
                }

                if (Logs.Values.Any(l => l.Records.Count > l.Durable)) Kick();
            });
        });
    }

    public static ReplicaCore Recover(SimLog log, SimMutant mutant)
    {
        var core = ReplicaCore.Recovered();
        if (mutant == SimMutant.MiddleTakenForTorn && log.Records.FindIndex(r => r.IsRotten) is >= 0 and var torn)
        {
            log.Records.RemoveRange(torn, log.Records.Count - torn);
            log.Durable = torn;
        }

        foreach (var record in log.Records)
        {
            switch (record.Kind)
            {
                case SimRecordKind.Config: core.RecoverConfig(record.Config!); break;
                case SimRecordKind.Seal: core.RecoverSeal(); break;
                case SimRecordKind.Trim: core.RecoverTrim(record.First); break;
                default:
                    if (record.IsRotten) core.RecoverUnknown(record.First, record.First + record.Entries.Length);
                    else core.RecoverEntries(record.First, record.Entries.Length);
                    break;
            }
        }

        return core;
    }
}
