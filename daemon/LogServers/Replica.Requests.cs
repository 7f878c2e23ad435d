using System.Buffers;
using Delos.Daemon.Storage;
using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Daemon.LogServers;

/// <summary>Requests that are answered one by one, most of them once the log is durable up to their record.</summary>
internal sealed partial class Replica
{
    /// <summary>Rule 2. Answered when everything before the seal, and the seal, is durable.</summary>
    public void Seal(LogletConfig config, Connection? connection, ulong correlationId, TaskCompletionSource<StatusCode>? task)
    {
        lock (Gate)
        {
            core.AdoptConfig(config);
            var waiter = new Waiter(_lastEnd, WaiterKind.Seal, connection, correlationId, task);
            switch (core.AdmitSeal())
            {
                case SealDecision.MustAppend:
                    if (AppendSeal() is var status and not StatusCode.Ok) Answer(waiter, status);
                    else _waiters.Enqueue(waiter with { EndAddress = _lastEnd });
                    break;
                case SealDecision.Wait:
                    _waiters.Enqueue(waiter);
                    break;
                default:
                    Answer(waiter);
                    break;
            }
        }
    }

    /// <summary>At the start, for a replica whose damage may have hidden its seal: sealing is always allowed.</summary>
    public StatusCode SealAfterDamage()
    {
        lock (Gate) return core.AdmitSeal() == SealDecision.MustAppend ? AppendSeal() : StatusCode.Ok;
    }

    /// <summary>Rule 3.</summary>
    public void Repair(in Repair message, in ReadOnlySequence<byte> payload, Connection connection, ulong correlationId)
    {
        lock (Gate)
        {
            core.AdoptConfig(message.Config);
            Take(PendingKind.Copy, core.AdmitRepair(message.First, message.Count), message.First, message.Count, payload, new Waiter(0, WaiterKind.Repair, connection, correlationId, null));
        }
    }

    /// <summary>Rule 5: committed entries from a peer.</summary>
    public void Refill(long first, uint count, in ReadOnlySequence<byte> payload, TaskCompletionSource<StatusCode> task)
    {
        lock (Gate)
        {
            var kind = core.Seal == SealState.Sealed ? PendingKind.Copy : PendingKind.Store;
            Take(kind, core.AdmitRefill(first, count), first, count, payload, new Waiter(0, WaiterKind.Task, null, 0, task));
        }
    }

    /// <summary>Rule 6: a peer's copy of positions that are damaged here.</summary>
    public void Patch(long first, uint count, in ReadOnlySequence<byte> payload, TaskCompletionSource<StatusCode> task)
    {
        lock (Gate) Take(PendingKind.Copy, new StoreDecision(core.AdmitPatch(first, count), 0), first, count, payload, new Waiter(0, WaiterKind.Task, null, 0, task));
    }

    /// <summary>See <see cref="ReplicaCore.TailFound"/>.</summary>
    public bool TailFound(long stop)
    {
        lock (Gate)
        {
            if (!core.TailFound(stop)) return false;
            log.EndUnknownAt(Id, core.DurableTail);
            return true;
        }
    }

    /// <summary>Rule 7. Disk space is freed by the log, once the trim is durable.</summary>
    public void Trim(in Trim message, Connection connection, ulong correlationId)
    {
        lock (Gate)
        {
            var waiter = new Waiter(_lastEnd, WaiterKind.Trim, connection, correlationId, null);
            var decision = core.AdmitTrim(message.Position, message.Bound);
            if (decision.Status != StatusCode.Ok)
            {
                Answer(waiter, decision.Status);
            }
            else if (!decision.MustAppend)
            {
                if (core.TrimPoint >= decision.Target) Answer(waiter);
                else _waiters.Enqueue(waiter);
            }
            else if (EnsureCreated(useReserve: true) is var created and not StatusCode.Ok)
            {
                Answer(waiter, created);
            }
            else if (Translate(log.Trim(Id, decision.Target, out var end)) is var status and not StatusCode.Ok)
            {
                Answer(waiter, status);
            }
            else
            {
                core.TrimQueued(decision.Target, end);
                Appended(end);
                _waiters.Enqueue(waiter with { EndAddress = end });
            }
        }
    }

    /// <summary>The tombstone stands in the catalog: from here on the answer is "deleted", to those who wait too.</summary>
    public void Delete()
    {
        lock (Gate)
        {
            core.Delete();
            _recent.Clear();
            TellSequencer(StatusCode.Deleted);
            AnswerAll(StatusCode.Deleted);
        }
    }

    private StatusCode AppendSeal()
    {
        if (EnsureCreated(useReserve: true) is var created and not StatusCode.Ok) return created;
        var status = Translate(log.TryAppend(RecordKind.Seal, Id, 0, [], useReserve: true, out var end));
        if (status != StatusCode.Ok) return status;
        core.SealQueued(end);
        Appended(end);
        return StatusCode.Ok;
    }

    private void Take(PendingKind kind, StoreDecision decision, long first, uint count, in ReadOnlySequence<byte> payload, in Waiter waiter)
    {
        var status = decision.Status;
        if (status == StatusCode.Ok && decision.Skip < count) status = EnsureCreated(useReserve: false);
        if (status == StatusCode.Ok && decision.Skip < count) status = Append(kind, first, count, payload, decision.Skip);
        if (status != StatusCode.Ok) Answer(waiter, status);
        else if (core.PendingRecords == 0) Answer(waiter);
        else _waiters.Enqueue(waiter with { EndAddress = _lastEnd });
    }

    private void AnswerAll(StatusCode status)
    {
        while (_waiters.TryDequeue(out var waiter))
        {
            Answer(waiter, status);
            waiter.Connection?.Flush();
        }
    }

    /// <summary>Under the lock, so that what is answered was observed together.</summary>
    private void Answer(in Waiter waiter, StatusCode status = StatusCode.Ok)
    {
        if (core.IsDeleted && status == StatusCode.Ok) status = StatusCode.Deleted;
        switch (waiter.Kind)
        {
            case WaiterKind.Seal:
                if (status == StatusCode.Ok) status = core.AdmitStatus();
                waiter.Connection?.Reply(new SealReply(status, core.DurableTail, core.TrimPoint), waiter.CorrelationId);
                break;
            case WaiterKind.Repair:
                waiter.Connection?.Reply(new RepairReply(status, core.DurableTail), waiter.CorrelationId);
                break;
            case WaiterKind.Trim:
                waiter.Connection?.Reply(new TrimReply(status, core.TrimPoint), waiter.CorrelationId);
                break;
            case WaiterKind.Task:
                break;
        }

        waiter.Task?.TrySetResult(status);
        // Elsewhere than on the I/O thread this is the read loop of the connection itself, which flushes at the end of its batch.
        if (waiter.Connection is { } connection && shared.Round.IsOwnThread) shared.Round.Touch(connection);
    }
}
