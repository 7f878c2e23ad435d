using System.Buffers;
using Delos.Protocol.Blocks;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Daemon.Sequencers;

/// <summary>
/// The sequencer of one Loglet: it assigns positions, sends to all replicas and acknowledges in order when the global tail passes (DESIGN §3, Sequencer). All decisions are here;
/// sockets, locks and timers are its owner's. Steps are called one at a time; what they want done goes to <see cref="ISequencerOutputs"/>. Time is the owner's, in milliseconds,
/// and only moves by <see cref="OnTick"/>; none of it takes part in safety. A step allocates nothing once its rings have grown.
/// <para>Appends: this file. Acknowledgements and resending: SequencerCore.Replicas.cs. Tail, opening, seal: SequencerCore.Tail.cs. Gap records: SequencerCore.Fill.cs. Giving up: SequencerCore.Majority.cs.</para>
/// </summary>
public sealed partial class SequencerCore
{
    // What a batch and a piece of it cost in memory besides its bytes, so that tiny appends are bounded too.
    private const int BatchCharge = 256;
    private const int PieceCharge = 128;

    private readonly SequencerOptions _options;
    private readonly ISequencerOutputs _outputs;
    private readonly ReplicaProgress[] _replicas;
    private readonly long[] _tails;
    private readonly AppendIdTable _ids;
    private readonly StoreWindow _window = new();
    private readonly PendingAppends _pending = new();
    private readonly List<PendingRun> _resends = [];
    private readonly int _quorum;

    private RetainedPayload? _open;
    private int _openCount;
    private long _openCharge;
    private long _committedBatch;

    // The global tail before the last commit: who has acknowledged it was not behind then.
    private long _formerTail;
    private bool _isPausing;
    private long _now;

    public SequencerCore(LogletConfig config, SequencerOptions options, ISequencerOutputs outputs, long now)
    {
        Config = config;
        _options = options;
        _outputs = outputs;
        _now = _majorityAt = now;
        _quorum = config.Quorum;
        _replicas = new ReplicaProgress[config.Replicas.Count];
        for (var i = 0; i < _replicas.Length; i++) _replicas[i] = new ReplicaProgress { LostAt = now };
        _tails = new long[_replicas.Length];
        _ids = new AppendIdTable(options);
        _round = new ConfirmRound(_replicas.Length, _quorum);
    }

    public LogletConfig Config { get; }

    public SequencerState State { get; private set; }

    /// <summary>The position that the next new entry gets.</summary>
    public long NextPosition { get; private set; }

    /// <summary>A majority durably held everything below it before being sealed.</summary>
    public long GlobalTail { get; private set; }

    /// <summary>Appended and not committed, what they cost in memory besides their bytes included.</summary>
    public long InFlightBytes => _window.Charge(_committedBatch, _window.End) + _openCharge;

    /// <summary>Committed and kept for replicas that lack it.</summary>
    public long RetainedBytes => _window.Charge(_window.Head, _committedBatch);

    public IReadOnlyList<ReplicaProgress> Replicas => _replicas;

    public int Clients => _ids.Clients;

    public long ResentEntries { get; private set; }

    public long DuplicateEntries { get; private set; }

    /// <summary>
    /// Entries of one client, in its order. New ones are given positions and stored at the next <see cref="Flush"/>; known ones are answered with the position that they have,
    /// at once or when they are committed; nothing is ever appended twice. Refusals name position -1, except that a pending append of a sealed Loglet is told its position.
    /// </summary>
    /// <param name="waiter">Whom to answer.</param>
    /// <param name="clientId">In every entry.</param>
    /// <param name="floor">The client's lowest unresolved sequence.</param>
    /// <param name="runs">The entries in <paramref name="payload"/>, from <see cref="EntryRunReader"/>.</param>
    /// <param name="payload">The entries; blocks are retained, not copied.</param>
    public void OnAppend(object waiter, ulong clientId, ulong floor, ReadOnlySpan<EntryRun> runs, in ReadOnlySequence<byte> payload)
    {
        var ids = State == SequencerState.Open ? _ids.FindOrAdd(clientId, floor) : _ids.Find(clientId);
        if (ids is null)
        {
            if (State == SequencerState.Open) BeginEnd(EndReason.TableFull);
            foreach (var run in runs) Refuse(StatusCode.Sealed, waiter, clientId, run.FirstSequence, run.Count);
            return;
        }

        ids.RaiseFloor(floor);
        foreach (var run in runs)
        {
            if (run.IsTooLarge) Refuse(StatusCode.LimitExceeded, waiter, clientId, run.FirstSequence, run.Count);
            else AppendRun(waiter, ids, run, payload);
        }

        // Once the end has begun nothing more is taken, and who is not read does not learn of it.
        if (State != SequencerState.Open || (InFlightBytes <= _options.MaxInFlightBytes && !_isPausing)) return;
        _isPausing = true;
        _outputs.PauseReading(waiter);
    }

    /// <summary>To be called when all frames that one receive brought have been passed in: what was appended is stored as one batch, waiting requests for the tail start a round, and readers are told the tail. See <see cref="TailNews"/> too.</summary>
    public void Flush()
    {
        if (State == SequencerState.Ended) return;
        CloseBatch();
        StartRound();
        TellReaders();
    }

    private void AppendRun(object waiter, ClientIds ids, EntryRun run, in ReadOnlySequence<byte> payload)
    {
        var sequence = run.FirstSequence;
        var left = run.Count;
        var offset = run.Offset;
        var end = run.Offset + run.Length;
        if (sequence < ids.Floor)
        {
            var below = (int)Math.Min((ulong)left, ids.Floor - sequence);
            Refuse(StatusCode.BelowFloor, waiter, ids.ClientId, sequence, below);
            Advance(below, payload);
        }

        while (left > 0)
        {
            var count = ids.CountUnknown(sequence, left);
            if (count > 0)
            {
                var length = count == left ? end - offset : EntryReader.LengthOf(payload.Slice(offset), count);
                AppendNew(waiter, ids, new EntryRun(sequence, count, offset, length), payload);
            }
            else
            {
                count = ids.CountKnown(sequence, left, out var position);
                if (position == ClientIds.Refused) Refuse(StatusCode.DiskFull, waiter, ids.ClientId, sequence, count);
                else AnswerKnown(new PendingRun(waiter, ids.ClientId, sequence, position, count));
            }

            Advance(count, payload);
        }

        void Advance(int count, in ReadOnlySequence<byte> bytes)
        {
            offset += count == left ? end - offset : EntryReader.LengthOf(bytes.Slice(offset), count);
            sequence += (ulong)count;
            left -= count;
        }
    }

    private void AppendNew(object waiter, ClientIds ids, EntryRun run, in ReadOnlySequence<byte> payload)
    {
        var refusal = RefusalOf(ids, run);
        if (refusal == StatusCode.Ok) Assign(waiter, ids, run, payload);
        else Refuse(refusal, waiter, ids.ClientId, run.FirstSequence, run.Count);
    }

    /// <summary>
    /// Ok: to be assigned. What a client takes for "not in the log" has to hold for every copy of the append that may still come. Sealed holds because nothing is taken after it; BelowFloor because
    /// the floor never falls, and it says nothing of the log; LimitExceeded, an entry too large, because the limit is the process's; DiskFull is remembered. What cannot be remembered is
    /// Unavailable, which promises nothing.
    /// </summary>
    private StatusCode RefusalOf(ClientIds ids, EntryRun run)
    {
        if (State != SequencerState.Open) return StatusCode.Sealed;
        switch (_ids.Reserve(ids, run.FirstSequence + (ulong)run.Count - 1))
        {
            case IdRoom.WindowExceeded:
                // Not by a client of ours: it has no more than Append.MaxWindow unresolved.
                return StatusCode.Unavailable;
            case IdRoom.TableFull:
                BeginEnd(EndReason.TableFull);
                return StatusCode.Sealed;
        }

        if (!IsMajorityFull()) return StatusCode.Ok;
        ids.RecordRefused(run.FirstSequence, run.Count);
        return StatusCode.DiskFull;
    }

    private void Assign(object waiter, ClientIds ids, EntryRun run, in ReadOnlySequence<byte> payload)
    {
        var (sequence, left, offset, end) = (run.FirstSequence, run.Count, run.Offset, run.Offset + run.Length);
        while (left > 0)
        {
            var count = left;
            var length = end - offset;
            if (_open is not null && _open.Length + length > _options.MaxBatchBytes) CloseBatch();
            if (length > _options.MaxBatchBytes) count = EntryReader.CountWithin(payload.Slice(offset, length), _options.MaxBatchBytes, out length);
            _open ??= RetainedPayload.Create();
            _open.Append(payload.Slice(offset, length));
            _openCount += count;
            _openCharge += length + PieceCharge;
            _pending.Add(new PendingRun(waiter, ids.ClientId, sequence, NextPosition, count));
            ids.Record(sequence, count, NextPosition);
            NextPosition += count;
            sequence += (ulong)count;
            left -= count;
            offset += length;
        }
    }

    private void AnswerKnown(PendingRun run)
    {
        DuplicateEntries += run.Count;
        var committed = (int)Math.Clamp(GlobalTail - run.FirstPosition, 0, run.Count);
        if (committed > 0) Reply(StatusCode.Ok, run with { Count = committed });
        if (committed == run.Count) return;
        run = run.Skip(committed);
        if (State == SequencerState.Ended) Reply(StatusCode.Sealed, run);
        else if (_resends.Count >= _options.MaxWaiting) Refuse(StatusCode.Unavailable, run.Waiter, run.ClientId, run.FirstSequence, run.Count);
        else if (!_resends.Contains(run)) _resends.Add(run);
    }

    private void CloseBatch()
    {
        if (_open is null) return;
        _window.Add(_openCount, _open, _openCharge + BatchCharge);
        _open = null;
        _openCount = 0;
        _openCharge = 0;
        for (var i = 0; i < _replicas.Length; i++) Pump(i);
    }

    private void Commit(long tail)
    {
        _formerTail = GlobalTail;
        GlobalTail = tail;
        while (_committedBatch < _window.End && _window[_committedBatch].End <= tail) _committedBatch++;
        while (_pending.TryTake(tail, out var run)) Reply(StatusCode.Ok, run);
        if (_resends.Count > 0) AnswerResends(tail);
        AnswerFills(StatusCode.Ok, tail);
        if (!_isPausing || InFlightBytes > _options.MaxInFlightBytes / 2) return;
        Resume();
    }

    private void AnswerResends(long tail)
    {
        var kept = 0;
        for (var i = 0; i < _resends.Count; i++)
        {
            var run = _resends[i];
            if (run.EndPosition <= tail) Reply(StatusCode.Ok, run);
            else _resends[kept++] = run;
        }

        _resends.RemoveRange(kept, _resends.Count - kept);
    }

    private void Reply(StatusCode status, PendingRun run) =>
        _outputs.ReplyAppend(run.Waiter, new AppendReply(Config.Id, run.ClientId, status, run.FirstSequence, (uint)run.Count, run.FirstPosition, GlobalTail));

    private void Refuse(StatusCode status, object waiter, ulong clientId, ulong firstSequence, int count) =>
        _outputs.ReplyAppend(waiter, new AppendReply(Config.Id, clientId, status, firstSequence, (uint)count, -1, GlobalTail));
}

/// <summary>How far a Loglet's sequencer is in its life.</summary>
public enum SequencerState
{
    Open,

    /// <summary>Some replica is sealed: no new appends, pending ones may still commit on the others, the seal is being finished.</summary>
    Ending,

    /// <summary>Sealed on a majority: nothing is pending.</summary>
    Ended,
}

/// <summary>What is to be done about a tail that nothing on its way carries to the replicas.</summary>
public enum TailNews
{
    /// <summary>Nothing: they know it, or a store brings it.</summary>
    None,

    /// <summary>Nothing yet: another acknowledgement comes first.</summary>
    Awaited,

    /// <summary>All have acknowledged it: tell it.</summary>
    Now,

    /// <summary>Some replica is behind, for how long nobody knows: tell it a little later.</summary>
    Later,
}
