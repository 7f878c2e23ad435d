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

/// <summary>One record of a log; its end address is its index + 1.</summary>
internal sealed record SimRecord(LogletId Loglet, SimRecordKind Kind, long First, byte[][] Entries, LogletConfig? Config)
{
    public bool HoldsEntries => Kind is SimRecordKind.Store or SimRecordKind.Copy;

    /// <summary>How far the log was durable when it was written: proof that what lies below was, too.</summary>
    public int DurableBefore { get; set; }

    /// <summary>Its entries cannot be read.</summary>
    public bool IsRotten { get; set; }

    /// <summary>Nothing of it can be read.</summary>
    public bool IsLost { get; set; }
}

/// <summary>A LogServer's log of one storage group: one Loglet, or the stripes of a striped one.</summary>
internal sealed class SimLog(LogletId group)
{
    public LogletId Group => group;

    /// <summary>The Loglets that may have records here.</summary>
    public SortedSet<LogletId> Members { get; } = [];

    public List<SimRecord> Records { get; } = [];

    public int Durable { get; set; }

    /// <summary>What the marker of the last start says: everything below was durable, and the Loglets ended there, but for those of which damage hid that.</summary>
    public int Marked { get; set; }

    public IReadOnlyDictionary<LogletId, long> MarkedEnds { get; set; } = new Dictionary<LogletId, long>();

    /// <summary>Everything below is known to have been durable, whatever it looks like.</summary>
    public int Proven => Records.Where(r => !r.IsLost).Select(r => r.DurableBefore).Append(Marked).Max();
}

/// <summary>One node's disk: group commit after a random while. At power loss any part of what was not synced survives; a sync may fail, and ends the process.</summary>
internal sealed class SimDisk
{
    private readonly SimWorld _world;
    private readonly SimMutant _mutant;
    private readonly List<(LogletId Id, Action Done)> _tombstones = [];
    private bool _committing;
    private int _life;

    public SimDisk(SimWorld world, SimMutant mutant)
    {
        _world = world;
        _mutant = mutant;
        DiskId = world.NewGuid();
        Journal = NewJournal();
    }

    public Guid DiskId { get; }

    public SortedDictionary<LogletId, SimLog> Logs { get; } = [];

    /// <summary>Durable ones.</summary>
    public HashSet<LogletId> Tombstones { get; } = [];

    public SimJournal Journal { get; private set; }

    public bool IsFull { get; set; }

    public int SyncMicroseconds { get; set; } = 300;

    public bool FailsNextSync { get; set; }

    public Action<SimLog>? Synced { get; set; }

    /// <summary>A sync failed: nobody knows what of it is on the disk.</summary>
    public Action? Failed { get; set; }

    public int Append(SimLog log, SimRecord record)
    {
        record.DurableBefore = log.Durable;
        log.Records.Add(record);
        Kick();
        return log.Records.Count;
    }

    /// <summary>At the next sync; the log goes with the last of those in it.</summary>
    public void Bury(LogletId id, Action done)
    {
        _tombstones.Add((id, done));
        Kick();
    }

    /// <summary>Empties it, and leaves it its identity: what no operator may do.</summary>
    public void Clear()
    {
        Logs.Clear();
        Tombstones.Clear();
        Journal = NewJournal();
    }

    public void Crash()
    {
        _life++;
        _committing = false;
        _tombstones.Clear();
        Journal.Crash();
        foreach (var log in Logs.Values)
        {
            for (var i = log.Durable; i < log.Records.Count; i++) log.Records[i].IsLost |= _world.Chance(40);
        }
    }

    /// <summary>Damages a record that is known to have been durable, and so cannot be taken for the end of an interrupted write.</summary>
    public SimRecord? Rot()
    {
        var candidates = Logs.Values.SelectMany(l => l.Records.Take(l.Proven).Where(r => !r.IsLost && !r.IsRotten).Select(r => (l, r))).ToArray();
        if (candidates.Length == 0) return null;
        var (log, record) = candidates[_world.Random.Next(candidates.Length)];
        if (record.HoldsEntries && _world.Chance(80)) record.IsRotten = true;
        else record.IsLost = true;

        // What it proved, others must prove.
        if (log.Records.FindLastIndex(r => r.IsLost || r.IsRotten) < log.Proven) return record;
        record.IsRotten = record.IsLost = false;
        return null;
    }

    private SimJournal NewJournal() => new(_world, () => SyncMicroseconds);

    private void Kick()
    {
        if (_committing) return;
        _committing = true;
        var life = _life;
        _world.At(_world.Random.Next(50), () =>
        {
            if (_life != life) return;
            var ends = Logs.Values.Where(l => l.Records.Count > l.Durable).Select(l => (Log: l, End: l.Records.Count)).ToArray();
            var buried = _tombstones.ToArray();
            _world.At(50 + _world.Random.Next(SyncMicroseconds), () =>
            {
                if (_life == life) Sync(ends, buried);
            });
        });
    }

    private void Sync((SimLog Log, int End)[] ends, (LogletId Id, Action Done)[] buried)
    {
        if (FailsNextSync)
        {
            FailsNextSync = false;
            if (_mutant != SimMutant.SwallowedSyncError)
            {
                Failed?.Invoke();
                return;
            }

            foreach (var (log, end) in ends)
            {
                for (var i = log.Durable; i < end; i++) log.Records[i].IsLost = true;
            }
        }

        _committing = false;
        foreach (var (id, done) in buried)
        {
            Tombstones.Add(id);
            if (Logs.Values.FirstOrDefault(l => l.Members.Contains(id)) is { } log && log.Members.All(Tombstones.Contains)) Logs.Remove(log.Group);
            _tombstones.Remove((id, done));
            done();
        }

        foreach (var (log, end) in ends)
        {
            log.Durable = Math.Max(log.Durable, end);
            Synced?.Invoke(log);
        }

        if (_tombstones.Count > 0 || Logs.Values.Any(l => l.Records.Count > l.Durable)) Kick();
    }
}
