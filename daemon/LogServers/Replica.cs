using System.Buffers;
using Delos.Daemon.Storage;
using Delos.Protocol.Blocks;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Daemon.LogServers;

/// <summary>
/// The shell of one <see cref="ReplicaCore"/>: its lock, its log, and who waits for what. Frames come on read loops, durability on the disk's I/O thread; each takes <see cref="Gate"/>, so the core
/// has one owner at a time, and the order of the log's records is the order of the core's decisions. Under the lock nothing blocks but the copy into the log's page.
/// </summary>
internal sealed partial class Replica(LogletId id, SegmentLog log, ReplicaCore core, LogServerShared shared)
{
    private readonly Queue<Waiter> _waiters = new();
    private IAckSink? _sequencer;
    private long _lastEnd = log.DurableAddress;
    private long _inFlight;
    private bool _isCreated = core.IsRecovered && core.Config is not null;
    private bool _isDurable = core.IsRecovered;
    private int _dirty;
    private bool _turnedAway;
    private long _globalTailAtTick;
    private long _sealedAt = core.Seal == SealState.Sealed ? shared.Time.GetTimestamp() : 0;

    public LogletId Id => id;

    public Lock Gate { get; } = new();

    public ReplicaCore Core => core;

    public SegmentLog Log => log;

    /// <summary>Payload bytes accepted and not yet durable.</summary>
    public long InFlightBytes => Interlocked.Read(ref _inFlight);

    /// <summary>A store (rule 1). Null: nothing to answer before the log is durable further.</summary>
    public StatusCode? Store(IAckSink sequencer, in Store message, in ReadOnlySequence<byte> payload)
    {
        lock (Gate)
        {
            if (message.Config is { } config) core.AdoptConfig(config);
            var decision = core.AdmitStore(message.Incarnation, message.First, message.Count, message.GlobalTail);
            // Also one whose store is out of order: it waits for what a peer refills.
            if (decision.Status is StatusCode.Ok or StatusCode.OutOfOrder) _sequencer = sequencer;
            if (decision.Status != StatusCode.Ok) return decision.Status;
            if (EnsureCreated(useReserve: false) is var created and not StatusCode.Ok) return created == StatusCode.Unavailable ? TurnedAway() : created;
            if (decision.Skip == message.Count) return _isDurable && message.First + message.Count <= core.DurableTail ? StatusCode.Ok : null;
            var appended = Append(PendingKind.Store, message.First, message.Count, payload, decision.Skip);
            return appended == StatusCode.Ok ? null : appended == StatusCode.Unavailable ? TurnedAway() : appended;
        }
    }

    /// <summary>The state of a store's answer, observed atomically.</summary>
    public StoreAck Acknowledgement(ulong incarnation, StatusCode status)
    {
        lock (Gate)
        {
            // A seal, and repair copies, may have come since the store was judged (trap 1).
            if (status == StatusCode.Ok && core.Seal != SealState.Open) status = StatusCode.Sealed;
            return new StoreAck(id, incarnation, status, core.DurableTail, core.AcceptedTail) { WantsTail = WantsTail };
        }
    }

    public bool AnnounceGlobalTail(in GlobalTail message)
    {
        lock (Gate) return core.AnnounceGlobalTail(message.Incarnation, message.Tail);
    }

    public ConfirmReply Confirm(in Confirm message)
    {
        lock (Gate) return new ConfirmReply(id, message.Incarnation, message.Round, core.Confirm(message.Incarnation), core.DurableTail);
    }

    public StatusReply Status()
    {
        lock (Gate)
        {
            return new StatusReply(
                core.AdmitStatus(), core.Config?.Incarnation ?? 0, core.Seal == SealState.Sealed, core.DurableTail, core.GlobalTail, core.TrimPoint, !core.Unknown.IsEmpty || core.HasHiddenTail);
        }
    }

    /// <summary>On the I/O thread: what was queued up to the address becomes true; acknowledgements first, then the answers to those who wait (rule 2).</summary>
    public void OnDurable(long durableAddress)
    {
        lock (Gate)
        {
            // The commit was for another one in the same log.
            if (core.PendingRecords == 0 && _waiters.Count == 0 && !_turnedAway) return;
            shared.Round.Touch(this);
            var effects = core.Durable(durableAddress);
            Interlocked.Add(ref _inFlight, -effects.Bytes);
            shared.BackPressure.Durable(effects.Bytes);
            _isDurable |= effects.Created;
            if (effects.BecameSealed || effects.Copied || effects.Trimmed) _sealedAt = shared.Time.GetTimestamp();
            AcknowledgeStores(effects.AckTail);
            if (effects.BecameSealed) TellSequencer(StatusCode.Sealed);
            while (_waiters.TryPeek(out var waiter) && waiter.EndAddress <= durableAddress) Answer(_waiters.Dequeue());
        }
    }

    /// <summary>Nothing becomes durable any more: whoever waits is told so.</summary>
    public void OnFailed(Exception reason)
    {
        shared.Fail(reason);
        lock (Gate)
        {
            _sequencer?.Enqueue(new StoreAck(id, core.Config?.Incarnation ?? 0, StatusCode.IoError, core.DurableTail, core.AcceptedTail));
            _sequencer?.Flush();
            AnswerAll(StatusCode.IoError);
        }
    }

    public void Forget(IAckSink sequencer)
    {
        lock (Gate)
        {
            if (_sequencer == sequencer) _sequencer = null;
        }
    }

    /// <summary>True if the replica lacks what was committed at the last tick already, or holds damaged positions: its peers have to help (rule 5). A busy replica is always a little behind.</summary>
    public bool IsLaggardAtTick()
    {
        lock (Gate)
        {
            var committed = _globalTailAtTick;
            _globalTailAtTick = core.GlobalTail;
            return core.IsBehind && (core.DurableTail < committed || core.HasHiddenTail || !core.Unknown.IsEmpty);
        }
    }

    public bool IsSealed
    {
        get
        {
            lock (Gate) return core.Seal == SealState.Sealed;
        }
    }

    /// <summary>True once, when the replica is sealed and nothing was appended for a while.</summary>
    public bool ShouldCloseLog(TimeSpan idle)
    {
        lock (Gate)
        {
            if (core.Seal != SealState.Sealed || core.IsDeleted || core.PendingRecords > 0 || _sealedAt == 0 || shared.Time.GetElapsedTime(_sealedAt) < idle) return false;
            _sealedAt = 0;
            return true;
        }
    }

    public ReplicaSnapshot Snapshot()
    {
        lock (Gate)
        {
            return new ReplicaSnapshot(
                id, core.Config, core.Seal == SealState.Sealed, core.IsDeleted, core.DurableTail, core.GlobalTail, core.TrimPoint, [.. core.Unknown.Ranges], core.HasHiddenTail);
        }
    }

    /// <summary>Wakes the disk's thread if something was appended since the last time.</summary>
    public void KickIfDirty()
    {
        if (Interlocked.Exchange(ref _dirty, 0) == 1) log.Kick();
    }

    private void Appended(long end)
    {
        _lastEnd = end;
        Volatile.Write(ref _dirty, 1);
    }

    /// <summary>
    /// An idle sequencer must hear of the end as well: it fails at once what is pending, gives up its connections, and does not create the replica anew on a node that missed the deletion.
    /// Under the lock; behind the acknowledgements of the stores that became durable before.
    /// </summary>
    private void TellSequencer(StatusCode end)
    {
        if (_sequencer is not { } sequencer || core.Config is not { } config) return;
        sequencer.Enqueue(new StoreAck(id, config.Incarnation, end, core.DurableTail, core.AcceptedTail));
        if (shared.Round.IsOwnThread) shared.Round.Touch(sequencer);
        else sequencer.Flush();
    }

    private void AcknowledgeStores(long ackTail)
    {
        if (_sequencer is not { } sequencer || core.Config is not { } config) return;
        if (ackTail >= 0)
        {
            sequencer.Enqueue(new StoreAck(id, config.Incarnation, StatusCode.Ok, ackTail, core.AcceptedTail) { WantsTail = WantsTail });
            shared.Round.Touch(sequencer);
        }

        if (!_turnedAway) return;
        _turnedAway = false;
        if (core.Seal != SealState.Open || core.IsDeleted) return;
        sequencer.Enqueue(new StoreAck(id, config.Incarnation, StatusCode.OutOfOrder, core.DurableTail, core.AcceptedTail) { WantsTail = WantsTail });
        shared.Round.Touch(sequencer);
    }

    /// <summary>The log's memory is full of what the disk has not taken yet: once it has, the sequencer is asked to resend from the accepted tail.</summary>
    private StatusCode? TurnedAway()
    {
        _turnedAway = true;
        return null;
    }

    /// <summary>
    /// The first record of a replica's log is its config, whatever comes next, so that every start finds it. Where damage took it, it is written again once a message has brought it back;
    /// until then such a replica takes what needs no config.
    /// </summary>
    private StatusCode EnsureCreated(bool useReserve)
    {
        if (_isCreated) return StatusCode.Ok;
        if (core.Config is not { } config) return core.IsRecovered ? StatusCode.Ok : StatusCode.NeedConfig;
        var bytes = new byte[config.Size];
        var writer = new MessageWriter(bytes);
        config.Write(ref writer);
        var status = Translate(log.TryAppend(RecordKind.Config, id, 0, bytes, useReserve, out var end));
        if (status != StatusCode.Ok) return status;
        core.CreationQueued(end);
        Appended(end);
        _isCreated = true;
        return StatusCode.Ok;
    }

    /// <summary>Copies entries, without the first <paramref name="skip"/>, into the log: one record, or several where a record cannot hold them.</summary>
    private StatusCode Append(PendingKind kind, long first, uint count, in ReadOnlySequence<byte> payload, uint skip)
    {
        var offset = EntryRun.OffsetOf(payload, skip);
        first += skip;
        count -= skip;
        while (count > 0)
        {
            var (taken, bytes) = payload.Length - offset <= log.MaxPayloadBytes ? (count, (int)payload.Length - offset) : EntryRun.Take(payload, offset, count, log.MaxPayloadBytes);
            if (bytes > log.MaxPayloadBytes) return StatusCode.LimitExceeded;
            var part = RetainedPayload.Create(payload.Slice(offset, bytes));
            var status = log.TryAppend(kind == PendingKind.Store ? RecordKind.Entries : RecordKind.RepairEntries, id, first, (int)taken, part, useReserve: false, out var end);
            if (status == AppendStatus.Ok) _recent.Add(first, taken, part);
            part.Release();
            if (status != AppendStatus.Ok) return Translate(status);
            if (kind == PendingKind.Store) core.StoreQueued(first, taken, bytes, end);
            else core.CopyQueued(first, taken, bytes, end);
            Appended(end);
            Interlocked.Add(ref _inFlight, bytes);
            shared.BackPressure.Accepted(bytes);
            first += taken;
            count -= taken;
            offset += bytes;
        }

        return StatusCode.Ok;
    }

    private static StatusCode Translate(AppendStatus status) => status switch
    {
        AppendStatus.Ok => StatusCode.Ok,
        AppendStatus.NoSpace => StatusCode.DiskFull,
        AppendStatus.TooLarge => StatusCode.LimitExceeded,
        AppendStatus.Busy => StatusCode.Unavailable,
        AppendStatus.Closed => StatusCode.Unavailable,
        _ => StatusCode.IoError,
    };
}
