using Delos.Daemon.LogServers;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Tests.Simulation;

/// <summary>The shell of one <see cref="ReplicaCore"/>, as daemon/LogServers/Replica.cs has it.</summary>
internal sealed class SimReplica(SimNode node, LogletId id, SimLog log, ReplicaCore core)
{
    private readonly Queue<(int End, Action<StatusCode> Answer)> _waiters = new();
    private readonly Dictionary<long, byte[]> _data = [];
    private SimConnection? _sequencer;
    private bool _created = core.IsRecovered && core.Config is not null;
    private bool _durable = core.IsRecovered;
    private int _applied;

    public ReplicaCore Core => core;

    /// <summary>What it can read, by position.</summary>
    public IReadOnlyDictionary<long, byte[]> Data => _data;

    private SimMutant Mutant => node.Mutant;

    /// <summary>Durable entries that can be read; after a start those on the disk.</summary>
    public void Load()
    {
        for (; _applied < log.Durable; _applied++)
        {
            if (log.Records[_applied].Loglet == id) Hold(log.Records[_applied]);
        }
    }

    public void Rot(SimRecord record)
    {
        if (!log.Records.Contains(record)) return;
        for (var i = 0; i < record.Entries.Length; i++)
        {
            if (_data.TryGetValue(record.First + i, out var held) && ReferenceEquals(held, record.Entries[i])) _data.Remove(record.First + i);
        }
    }

    public void Store(SimConnection connection, in Store message, byte[] payload)
    {
        if (message.Config is { } config) core.AdoptConfig(config);
        if (Mutant == SimMutant.LateAcknowledgement && core.Seal == SealState.Sealed && message.First < core.DurableTail)
        {
            Ack(connection, message.Incarnation, StatusCode.Ok);
            return;
        }

        var decision = core.AdmitStore(message.Incarnation, message.First, message.Count, message.GlobalTail);
        if (Mutant == SimMutant.PipelinedHole && decision.Status == StatusCode.OutOfOrder && _created)
        {
            core.StoreQueued(core.AcceptedTail, (uint)(message.First - core.AcceptedTail) + message.Count, payload.Length, node.Disk.Append(log, new SimRecord(id, SimRecordKind.Store, message.First, SimEntries.Split(payload), null)));
            return;
        }

        if (decision.Status is StatusCode.Ok or StatusCode.OutOfOrder) _sequencer = connection;
        if (decision.Status != StatusCode.Ok)
        {
            Ack(connection, message.Incarnation, decision.Status);
            return;
        }

        if (EnsureCreated(false) is var created and not StatusCode.Ok)
        {
            Ack(connection, message.Incarnation, created);
            return;
        }

        if (decision.Skip == message.Count)
        {
            if (_durable && message.First + message.Count <= core.DurableTail) Ack(connection, message.Incarnation, StatusCode.Ok);
            return;
        }

        if (Append(SimRecordKind.Store, message.First, payload, decision.Skip) is var appended and not StatusCode.Ok) Ack(connection, message.Incarnation, appended);
        else if (Mutant == SimMutant.AcknowledgedUnsynced) node.Post(connection, new StoreAck(id, message.Incarnation, StatusCode.Ok, core.AcceptedTail, core.AcceptedTail));
    }

    public void Seal(LogletConfig config, Action<object> reply)
    {
        core.AdoptConfig(config);
        var decision = core.AdmitSeal();
        void Answer(StatusCode status) => reply(new SealReply(status == StatusCode.Ok ? core.AdmitStatus() : status, core.DurableTail, core.TrimPoint));
        if (decision == SealDecision.MustAppend)
        {
            if (AppendSeal() is var status and not StatusCode.Ok) Answer(status);
            else if (Mutant == SimMutant.SealOvertakes) Answer(StatusCode.Ok);
            else _waiters.Enqueue((log.Records.Count, Answer));
        }
        else if (decision == SealDecision.Wait && Mutant != SimMutant.SealOvertakes)
        {
            _waiters.Enqueue((log.Records.Count, Answer));
        }
        else
        {
            Answer(core.IsDeleted ? StatusCode.Deleted : StatusCode.Ok);
        }
    }

    /// <summary>At the start, for a replica whose damage may have hidden its seal.</summary>
    public void SealAfterDamage()
    {
        if (core.MayBeSealed && core.AdmitSeal() == SealDecision.MustAppend) AppendSeal();
    }

    public void Repair(in Repair message, byte[] payload, Action<object> reply)
    {
        core.AdoptConfig(message.Config);
        Take(SimRecordKind.Copy, core.AdmitRepair(message.First, message.Count), message.First, message.Count, payload, s => reply(new RepairReply(s, core.DurableTail)));
    }

    public void Refill(long first, uint count, byte[] payload, Action<StatusCode> answer) =>
        Take(core.Seal == SealState.Sealed ? SimRecordKind.Copy : SimRecordKind.Store, core.AdmitRefill(first, count), first, count, payload, answer);

    public void Patch(long first, uint count, byte[] payload, Action<StatusCode> answer) =>
        Take(SimRecordKind.Copy, new StoreDecision(core.AdmitPatch(first, count), 0), first, count, payload, answer);

    public void Trim(in Trim message, Action<object> reply)
    {
        var decision = core.AdmitTrim(message.Position, message.Bound);
        void Answer(StatusCode status) => reply(new TrimReply(core.IsDeleted ? StatusCode.Deleted : status, core.TrimPoint));
        if (decision.Status != StatusCode.Ok) Answer(decision.Status);
        else if (!decision.MustAppend && core.TrimPoint >= decision.Target) Answer(StatusCode.Ok);
        else if (!decision.MustAppend) _waiters.Enqueue((log.Records.Count, Answer));
        else if (EnsureCreated(true) is var created and not StatusCode.Ok) Answer(created);
        else
        {
            core.TrimQueued(decision.Target, node.Disk.Append(log, new SimRecord(id, SimRecordKind.Trim, decision.Target, [], null)));
            _waiters.Enqueue((log.Records.Count, Answer));
        }
    }

    public StatusReply Status() =>
        new(core.AdmitStatus(), core.Config?.Incarnation ?? 0, core.Seal == SealState.Sealed, core.DurableTail, core.GlobalTail, core.TrimPoint, !core.Unknown.IsEmpty || core.HasHiddenTail);

    public (ReadReply Reply, byte[] Payload) Read(in Read message)
    {
        var decision = core.AdmitRead(message.Min, message.Max, message.Bound, message.ForRepair);
        var entries = new List<byte[]>();
        var status = decision.Status;
        if (status == StatusCode.Ok)
        {
            for (var p = message.Min; p < decision.End && entries.Count < 20; p++)
            {
                if (!_data.TryGetValue(p, out var entry))
                {
                    core.FoundDamage(p, p + 1);
                    if (entries.Count == 0) status = StatusCode.Corrupt;
                    break;
                }

                entries.Add(entry);
            }
        }

        return (new ReadReply(status, message.Min, (uint)entries.Count, core.GlobalTail, core.TrimPoint), [.. entries.SelectMany(e => e)]);
    }

    /// <summary>What a subscriber would be pushed now.</summary>
    public (SimFollowReply Reply, byte[] Payload) Follow(SimFollow message)
    {
        var entries = new List<byte[]>();
        var limit = core.PushLimit(long.MaxValue, message.Stop);
        for (var p = message.Min; p >= core.TrimPoint && p < limit && entries.Count < 30 && _data.TryGetValue(p, out var entry); p++) entries.Add(entry);
        return (new SimFollowReply(core.IsDeleted ? StatusCode.Deleted : message.Min < core.TrimPoint ? StatusCode.Trimmed : StatusCode.Ok, entries.Count), [.. entries.SelectMany(e => e)]);
    }

    public void OnDurable()
    {
        Load();

        // The commit was for another one in the same log.
        if (core.PendingRecords == 0 && _waiters.Count == 0) return;
        var effects = core.Durable(log.Durable);
        _durable |= effects.Created;
        if (Mutant == SimMutant.RepairRaisesTail && effects.Copied && core.Config is { } known) core.AnnounceGlobalTail(known.Incarnation, core.DurableTail);
        if (effects.BecameSealed && node.World.IsDetailed) node.World.Tell($"node {node.Id}: replica of {id} is sealed at {core.DurableTail}");
        if (_sequencer is { } sequencer && core.Config is { } config)
        {
            if (effects.AckTail >= 0) node.Post(sequencer, new StoreAck(id, config.Incarnation, StatusCode.Ok, effects.AckTail, core.AcceptedTail));
            if (effects.BecameSealed) node.Post(sequencer, new StoreAck(id, config.Incarnation, StatusCode.Sealed, core.DurableTail, core.AcceptedTail));
        }

        while (_waiters.TryPeek(out var waiter) && waiter.End <= log.Durable) _waiters.Dequeue().Answer(StatusCode.Ok);
    }

    public void Delete()
    {
        core.Delete();
        if (_sequencer is { } sequencer && core.Config is { } config) node.Post(sequencer, new StoreAck(id, config.Incarnation, StatusCode.Deleted, core.DurableTail, core.AcceptedTail));
        while (_waiters.TryDequeue(out var waiter)) waiter.Answer(StatusCode.Deleted);
    }

    public void Forget(SimConnection connection)
    {
        if (_sequencer == connection) _sequencer = null;
    }

    private void Ack(SimConnection connection, ulong incarnation, StatusCode status) => node.Post(connection, new StoreAck(id, incarnation, status, core.DurableTail, core.AcceptedTail));

    private void Hold(SimRecord record)
    {
        if (record.Kind == SimRecordKind.Trim)
        {
            foreach (var p in _data.Keys.Where(p => p < record.First).ToArray()) _data.Remove(p);
        }

        for (var i = 0; !record.IsRotten && !record.IsLost && i < record.Entries.Length; i++) _data[record.First + i] = record.Entries[i];
    }

    private StatusCode EnsureCreated(bool useReserve)
    {
        if (_created) return StatusCode.Ok;
        if (core.Config is not { } config) return core.IsRecovered ? StatusCode.Ok : StatusCode.NeedConfig;
        if (node.Disk.IsFull && !useReserve) return StatusCode.DiskFull;
        core.CreationQueued(node.Disk.Append(log, new SimRecord(id, SimRecordKind.Config, 0, [], config)));
        _created = true;
        return StatusCode.Ok;
    }

    private StatusCode AppendSeal()
    {
        if (EnsureCreated(true) is var created and not StatusCode.Ok) return created;
        core.SealQueued(node.Disk.Append(log, new SimRecord(id, SimRecordKind.Seal, 0, [], null)));
        return StatusCode.Ok;
    }

    private StatusCode Append(SimRecordKind kind, long first, byte[] payload, uint skip)
    {
        if (node.Disk.IsFull) return StatusCode.DiskFull;
        var entries = SimEntries.Split(payload)[(int)skip..];
        if (entries.Length == 0) return StatusCode.Ok;
        var end = node.Disk.Append(log, new SimRecord(id, kind, first + skip, entries, null));
        if (kind == SimRecordKind.Store) core.StoreQueued(first + skip, (uint)entries.Length, payload.Length, end);
        else core.CopyQueued(first + skip, (uint)entries.Length, payload.Length, end);
        return StatusCode.Ok;
    }

    private void Take(SimRecordKind kind, StoreDecision decision, long first, uint count, byte[] payload, Action<StatusCode> answer)
    {
        var status = decision.Status;
        if (status == StatusCode.Ok && decision.Skip < count) status = EnsureCreated(false);
        if (status == StatusCode.Ok && decision.Skip < count) status = Append(kind, first, payload, decision.Skip);
        if (status != StatusCode.Ok || core.PendingRecords == 0) answer(status);
        else _waiters.Enqueue((log.Records.Count, answer));
    }
}
