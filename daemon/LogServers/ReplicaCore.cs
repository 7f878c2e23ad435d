using Delos.Protocol.Chains;
using Delos.Protocol.Framing;

namespace Delos.Daemon.LogServers;

/// <summary>
/// The state of one Loglet's replica on this LogServer and every decision about it (DESIGN §3, LogServer rules 1–7). It knows no socket, disk, thread or clock: its owner asks for a decision
/// (<c>Admit…</c>), appends the record to the replica's log, says that it is queued (<c>…Queued</c>, with the address at which the record ends), and later says how far the log is durable
/// (<see cref="Durable"/>). It is not thread-safe; one owner at a time.
/// <para>The log is append-only and dense: the replica holds exactly [TrimPoint, DurableTail), damaged positions (<see cref="Unknown"/>) apart, and nothing is rolled back.
/// Order is checked against the accepted tail; acknowledgements and every report use the durable one.</para>
/// </summary>
public sealed partial class ReplicaCore
{
    private readonly DurabilityQueue _pending = new();
    private long _acceptedTrim;

    private ReplicaCore(LogletConfig? config, bool isRecovered)
    {
        Config = config;
        IsRecovered = isRecovered;
    }

    /// <summary>A replica that a store or seal creates.</summary>
    public static ReplicaCore New(LogletConfig config) => new(config, isRecovered: false);

    /// <summary>A replica that a start found; the <c>Recover…</c> calls follow.</summary>
    public static ReplicaCore Recovered() => new(null, isRecovered: true);

    /// <summary>Null only after the config's own record was damaged: then the first message that carries the config, which a Loglet id determines for ever, brings it back.</summary>
    public LogletConfig? Config { get; private set; }

    /// <summary>A former process made it; else its config has to become its first record.</summary>
    public bool IsRecovered { get; }

    public SealState Seal { get; private set; }

    public bool IsDeleted { get; private set; }

    /// <summary>First position neither durable nor queued.</summary>
    public long AcceptedTail { get; private set; }

    /// <summary>First position not durably held.</summary>
    public long DurableTail { get; private set; }

    /// <summary>Highest global tail that the sequencer named. Not durable: after a start it is 0 until the sequencer speaks.</summary>
    public long GlobalTail { get; private set; }

    /// <summary>First position not durably trimmed.</summary>
    public long TrimPoint { get; private set; }

    /// <summary>Damaged positions below the tail, waiting for a peer's copy.</summary>
    public UnknownRanges Unknown { get; } = new();

    /// <summary>
    /// Damage may have hidden a seal record at the last start: until a new seal is durable the replica answers nothing that an open one would answer (rule 6: unknown, not absent).
    /// </summary>
    public bool MayBeSealed { get; private set; }

    /// <summary>
    /// Damage hides where the log ended: the replica states no tail, counts for no majority and takes no stores, until copies up to an installed stop are here (<see cref="TailFound"/>).
    /// </summary>
    public bool HasHiddenTail { get; private set; }

    /// <summary>The replica lacks entries that are globally committed.</summary>
    public bool IsBehind => !IsDeleted && (DurableTail < GlobalTail || HasHiddenTail || !Unknown.IsEmpty);

    public int PendingRecords => _pending.Count;

    /// <summary>Takes the config of a Loglet whose own record of it was damaged.</summary>
    public void AdoptConfig(LogletConfig config) => Config ??= config;

    /// <summary>Rule 1, in its order: deleted or sealed (also for what is held: trap 1), incarnation, out of order (trap 6), held, partly held, new.</summary>
    public StoreDecision AdmitStore(ulong incarnation, long first, uint count, long globalTail)
    {
        var refusal = Refusal(incarnation);
        // A seal does not make the sequencer's global tail wrong: it counts only what was acknowledged before the seals.
        if (refusal is StatusCode.Ok or StatusCode.Sealed && IsOwn(incarnation)) NoteGlobalTail(globalTail);
        if (refusal != StatusCode.Ok) return new StoreDecision(refusal, 0);
        if (first > AcceptedTail) return new StoreDecision(StatusCode.OutOfOrder, 0);
        return new StoreDecision(StatusCode.Ok, (uint)Math.Min(count, AcceptedTail - first));
    }

    /// <summary>Entries [<paramref name="first"/>, <paramref name="first"/> + count) of an admitted store stand in the log's queue.</summary>
    public void StoreQueued(long first, uint count, int bytes, long endAddress)
    {
        if (first != AcceptedTail || Seal != SealState.Open) throw new InvalidOperationException("A store was queued that was not admitted.");
        AcceptedTail = first + count;
        _pending.Enqueue(new PendingRecord(endAddress, PendingKind.Store, first, AcceptedTail, bytes));
    }

    /// <summary>The record that creates the replica stands in the log's queue.</summary>
    public void CreationQueued(long endAddress) => _pending.Enqueue(new PendingRecord(endAddress, PendingKind.Creation, 0, 0, 0));

    /// <summary>Rule 2: the seal goes through the stores' queue (trap 2).</summary>
    public SealDecision AdmitSeal() =>
        IsDeleted ? SealDecision.Deleted
        : HasHiddenTail && Seal != SealState.Open ? SealDecision.Unknown
        : Seal == SealState.Sealed ? SealDecision.Sealed
        : Seal == SealState.Queued ? SealDecision.Wait
        : SealDecision.MustAppend;

    /// <summary>The seal record stands in the log's queue: what comes later is refused.</summary>
    public void SealQueued(long endAddress)
    {
        SealQueuedElsewhere();
        _pending.Enqueue(new PendingRecord(endAddress, PendingKind.Seal, 0, 0, 0));
    }

    /// <summary>The seal of a replica without entries stands in another queue (the catalog's); <see cref="SealDurable"/> follows.</summary>
    public void SealQueuedElsewhere()
    {
        if (Seal != SealState.Open) throw new InvalidOperationException("A seal was queued twice.");
        Seal = SealState.Queued;
    }

    public void SealDurable() => Seal = SealState.Sealed;

    /// <summary>
    /// Rule 3: a durably sealed replica takes copies of what other replicas hold, in order, without holes; they are never acknowledged to a sequencer.
    /// Copies over damaged positions are taken as a whole and replace them.
    /// </summary>
    public StoreDecision AdmitRepair(long first, uint count)
    {
        if (IsDeleted) return new StoreDecision(StatusCode.Deleted, 0);
        if (Seal != SealState.Sealed) return new StoreDecision(StatusCode.NotSealed, 0);
        return AdmitCopy(first, count);
    }

    /// <summary>An operator or a status round asks what the replica holds; with the state beside it, observed together. Ok, or why the state proves nothing.</summary>
    public StatusCode AdmitStatus() =>
        IsDeleted ? StatusCode.Deleted
        : HasHiddenTail || (MayBeSealed && Seal != SealState.Sealed) ? StatusCode.Corrupt
        : StatusCode.Ok;

    /// <summary>Everything below the <paramref name="stop"/> of an installed chain is held again: that is all that the hidden tail can have covered of any use. Damage behind it is of no interest to anybody any more.</summary>
    public bool TailFound(long stop)
    {
        if (DurableTail < stop) return false;
        HasHiddenTail = false;
        Unknown.Remove(stop, long.MaxValue);
        return true;
    }

    /// <summary>Rule 5: entries that a peer holds below the global tail, for an open replica. They count like a store, since they are committed; a sealed replica takes them as a repair.</summary>
    public StoreDecision AdmitRefill(long first, uint count)
    {
        if (IsDeleted) return new StoreDecision(StatusCode.Deleted, 0);
        if (Seal == SealState.Queued) return new StoreDecision(StatusCode.Unavailable, 0);
        if (Seal == SealState.Sealed) return AdmitCopy(first, count);
        if (first > AcceptedTail) return new StoreDecision(StatusCode.OutOfOrder, 0);
        // A peer's copy above the global tail proves nothing: the position may not be committed.
        if (first + count > GlobalTail) return new StoreDecision(StatusCode.LimitExceeded, 0);
        return new StoreDecision(StatusCode.Ok, (uint)Math.Min(count, AcceptedTail - first));
    }

    /// <summary>Rule 6: a peer's copy of damaged positions, whatever the seal. Nothing outside [TrimPoint, DurableTail) is taken.</summary>
    public StatusCode AdmitPatch(long first, uint count) =>
        IsDeleted ? StatusCode.Deleted
        : first < TrimPoint ? StatusCode.Trimmed
        : first + count > DurableTail ? StatusCode.OutOfOrder
        : StatusCode.Ok;

    /// <summary>Copies (a repair or a patch) stand in the log's queue.</summary>
    public void CopyQueued(long first, uint count, int bytes, long endAddress)
    {
        if (first > AcceptedTail) throw new InvalidOperationException("A copy was queued that was not admitted.");
        AcceptedTail = Math.Max(AcceptedTail, first + count);
        _pending.Enqueue(new PendingRecord(endAddress, PendingKind.Copy, first, first + count, bytes));
    }

    /// <summary>
    /// Rule 7: the request's position, but never above a tail that is known to be committed or installed. Where the replica is behind that point its tails jump: what it
    /// lacks below nobody needs any more.
    /// </summary>
    public TrimDecision AdmitTrim(long position, long bound)
    {
        if (IsDeleted) return new TrimDecision(StatusCode.Deleted, TrimPoint, false);
        var target = Math.Min(position, Math.Max(bound, GlobalTail));
        return target > _acceptedTrim ? new TrimDecision(StatusCode.Ok, target, true) : new TrimDecision(StatusCode.Ok, Math.Max(target, TrimPoint), false);
    }

    /// <summary>The trim record stands in the log's queue. Stores queued before it end below the accepted tail, stores behind it begin there: the jump keeps the log dense.</summary>
    public void TrimQueued(long point, long endAddress)
    {
        _acceptedTrim = Math.Max(_acceptedTrim, point);
        AcceptedTail = Math.Max(AcceptedTail, point);
        _pending.Enqueue(new PendingRecord(endAddress, PendingKind.Trim, 0, point, 0));
    }

    /// <summary>The sequencer announced its global tail (trap 19). It is believed only from the incarnation that the config names.</summary>
    public bool AnnounceGlobalTail(ulong incarnation, long tail) => !IsDeleted && IsOwn(incarnation) && NoteGlobalTail(tail);

    /// <summary>
    /// The answer to a round of the fast checkTail, with the durable tail, observed together. A queued seal answers Sealed already: "open" would be as safe until the seal is durable,
    /// since a crash may still undo it, but the sequencer learns a round earlier that it has to finish the seal, and stores behind a queued seal fail as well.
    /// </summary>
    public StatusCode Confirm(ulong incarnation) => Refusal(incarnation);

    /// <summary>Rule 4. <paramref name="forRepair"/>: an observer of a sealed replica may copy all that it durably holds.</summary>
    public ReadDecision AdmitRead(long min, long max, long bound, bool forRepair)
    {
        if (IsDeleted) return new ReadDecision(StatusCode.Deleted, min);
        if (forRepair && Seal != SealState.Sealed) return new ReadDecision(StatusCode.NotSealed, min);
        if (min < TrimPoint) return new ReadDecision(StatusCode.Trimmed, min);
        var end = forRepair ? max : Math.Min(max, bound);
        if (min >= end) return new ReadDecision(StatusCode.Ok, min);
        if (min >= DurableTail) return new ReadDecision(HasHiddenTail ? StatusCode.Corrupt : StatusCode.Lagging, min);
        end = Unknown.FirstStartAtOrAfter(min, Math.Min(end, DurableTail));
        return end == min ? new ReadDecision(StatusCode.Corrupt, min) : new ReadDecision(StatusCode.Ok, end);
    }

    /// <summary>
    /// First position that a subscriber must not be sent: below the stop of an installed chain, and durably held; or (-1: no stop is known) below the global tail, and held. What is committed is durable on a majority, and
    /// there is only one entry that it can be: it may be shown though this replica, perhaps the slowest, has it in memory only.
    /// </summary>
    public long PushLimit(long max, long stop) => Math.Min(max, stop >= 0 ? Math.Min(stop, DurableTail) : Math.Min(GlobalTail, AcceptedTail));

    /// <summary>A read found damaged bytes. They stay part of the log: the tail does not move.</summary>
    public void FoundDamage(long first, long end) => Unknown.Add(Math.Max(first, TrimPoint), Math.Min(end, DurableTail));

    /// <summary>The tombstone stands in the catalog's queue; from now on the replica answers "deleted".</summary>
    public void Delete() => IsDeleted = true;

    /// <summary>The log is durable up to <paramref name="address"/>: what was queued up to there becomes true, in order.</summary>
    public DurableEffects Durable(long address)
    {
        long ackTail = -1, bytes = 0;
        bool becameSealed = false, copied = false, trimmed = false, created = false;
        while (_pending.TryDequeue(address, out var record))
        {
            bytes += record.Bytes;
            switch (record.Kind)
            {
                case PendingKind.Store:
                    DurableTail = Math.Max(DurableTail, record.Tail);
                    // Queued before any seal, so durable before it, also when both came with the same commit.
                    ackTail = DurableTail;
                    break;
                case PendingKind.Copy:
                    DurableTail = Math.Max(DurableTail, record.Tail);
                    Unknown.Remove(record.First, record.Tail);
                    copied = true;
                    break;
                case PendingKind.Seal:
                    Seal = SealState.Sealed;
                    becameSealed = true;
                    break;
                case PendingKind.Trim:
                    ApplyTrim(record.Tail);
                    if (Seal == SealState.Open) ackTail = DurableTail;
                    trimmed = true;
                    break;
                case PendingKind.Creation:
                    created = true;
                    if (Seal == SealState.Open) ackTail = DurableTail;
                    break;
            }
        }

        return new DurableEffects(IsDeleted ? -1 : ackTail, becameSealed, copied, trimmed, created, bytes);
    }

    private StoreDecision AdmitCopy(long first, uint count)
    {
        if (first > AcceptedTail) return new StoreDecision(StatusCode.OutOfOrder, 0);
        var skip = Unknown.Intersects(first, first + count) ? 0 : (uint)Math.Min(count, AcceptedTail - first);
        return new StoreDecision(StatusCode.Ok, skip);
    }

    private StatusCode Refusal(ulong incarnation) =>
        IsDeleted ? StatusCode.Deleted
        : Seal != SealState.Open ? StatusCode.Sealed
        : MayBeSealed || HasHiddenTail ? StatusCode.Corrupt
        : Config is null ? StatusCode.NeedConfig
        : !IsOwn(incarnation) ? StatusCode.WrongIncarnation
        : StatusCode.Ok;

    private bool IsOwn(ulong incarnation) => Config is { } config && config.Incarnation == incarnation;

    private bool NoteGlobalTail(long tail)
    {
        if (tail <= GlobalTail) return false;
        GlobalTail = tail;
        return true;
    }

    private void ApplyTrim(long point)
    {
        TrimPoint = Math.Max(TrimPoint, point);
        DurableTail = Math.Max(DurableTail, TrimPoint);
        Unknown.Remove(0, TrimPoint);
    }
}
