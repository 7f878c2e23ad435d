using Delos.Protocol.Blocks;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Client.Loglets;

/// <summary>The one log behind all <see cref="MemoryLoglet"/> objects of one id: a sequencer, its table of append ids and its storage in one.</summary>
internal sealed class MemoryLogletCore(LogletId id, MemoryLogletFaults faults)
{
    private readonly Lock _lock = new();
    private readonly List<byte[]?> _entries = [];
    private readonly Dictionary<AppendId, long> _positions = [];
    private readonly Dictionary<ulong, ulong> _floors = [];
    private readonly List<(AppendOp Op, long Position, IMemoryAppender Owner)> _held = [];
    private TaskCompletionSource _changed = NewSignal();
    private long _trim;

    public long Committed { get; private set; }

    public bool IsSealed { get; private set; }

    public bool IsDeleted { get; private set; }

    /// <summary>Completes at the next change; take it before looking.</summary>
    public Task Changed
    {
        get
        {
            lock (_lock) return _changed.Task;
        }
    }

    /// <summary>Appends one op; <paramref name="owner"/> is told now, or when a held op is released.</summary>
    public void Append(AppendOp op, IMemoryAppender owner)
    {
        StatusCode status;
        long position;
        lock (_lock)
        {
            if (AppendLocked(op, owner) is not { } outcome) return;
            (status, position) = outcome;
            Signal();
        }

        owner.Complete(op, status, position);
    }

    private (StatusCode Status, long Position)? AppendLocked(AppendOp op, IMemoryAppender owner)
    {
        if (IsDeleted) return (StatusCode.Deleted, -1);
        var fault = faults.OnAppend?.Invoke(op) ?? MemoryAppendFault.None;
        if (fault == MemoryAppendFault.LoseRequest) return (StatusCode.Unavailable, -1);
        var floor = Math.Max(_floors.GetValueOrDefault(op.Client.ClientId), op.Client.Floor);
        _floors[op.Client.ClientId] = floor;
        if (op.Sequence < floor) return (StatusCode.BelowFloor, -1);
        if (_positions.TryGetValue(op.Id, out var position))
        {
            if (position < Committed) return fault == MemoryAppendFault.LoseAnswer ? (StatusCode.Unavailable, -1) : (StatusCode.Ok, position);
            if (IsSealed) return (StatusCode.Sealed, position);
            _held.Add((op, position, owner));
            return null;
        }

        if (IsSealed) return (StatusCode.Sealed, -1);
        if (op.Entry is not { } entry || !EntryCursor.AreIntact(entry, 1)) return (StatusCode.Malformed, -1);
        var bytes = new byte[entry.Length];
        entry.CopyTo(bytes);
        position = _entries.Count;
        _entries.Add(bytes);
        _positions.Add(op.Id, position);
        if (fault == MemoryAppendFault.Hold || _held.Count > 0)
        {
            // Acknowledgements come in order: behind a held one everything is held.
            _held.Add((op, position, owner));
            return null;
        }

        Committed = _entries.Count;
        return fault == MemoryAppendFault.LoseAnswer ? (StatusCode.Unavailable, -1) : (StatusCode.Ok, position);
    }

    public void CommitHeld()
    {
        (AppendOp Op, long Position, IMemoryAppender Owner)[] held;
        lock (_lock)
        {
            if (IsSealed) return;
            held = [.. _held];
            _held.Clear();
            Committed = _entries.Count;
            Signal();
        }

        Answer(held, StatusCode.Ok);
    }

    /// <summary>One object closes: what is held of its ops goes back with its outcome unknown; it is committed with whatever comes next.</summary>
    public void GiveBack(IMemoryAppender owner)
    {
        (AppendOp Op, long Position, IMemoryAppender Owner)[] held;
        lock (_lock)
        {
            held = [.. _held.Where(h => h.Owner == owner)];
            _held.RemoveAll(h => h.Owner == owner);
        }

        foreach (var (op, _, _) in held) owner.Complete(op, StatusCode.Unavailable, -1);
        owner.Deliver();
    }

    /// <summary>Seals it; the answer is one observer's tail.</summary>
    public long Seal()
    {
        (AppendOp Op, long Position, IMemoryAppender Owner)[] held;
        long tail;
        lock (_lock)
        {
            ThrowIfDeleted();
            IsSealed = true;
            held = [.. _held];
            _held.Clear();
            tail = faults.SealedTail?.Invoke(Committed, _entries.Count) ?? _entries.Count;
            Signal();
        }

        Answer(held, StatusCode.Sealed);
        return tail;
    }

    public TailResult CheckTail()
    {
        lock (_lock)
        {
            ThrowIfDeleted();
            if (!IsSealed) return new TailResult(Committed, false);
            return new TailResult(faults.SealedTail?.Invoke(Committed, _entries.Count) ?? _entries.Count, true);
        }
    }

    /// <summary>Gap records up to there; behind a held append they wait with it.</summary>
    public TailResult Fill(long upTo)
    {
        lock (_lock)
        {
            ThrowIfDeleted();
            if (IsSealed) return new TailResult(Committed, true);
            if (_entries.Count < upTo)
            {
                while (_entries.Count < upTo) _entries.Add(GapEntries.Take(1).ToArray());
                if (_held.Count == 0) Committed = _entries.Count;
                Signal();
            }

            return new TailResult(Committed, false);
        }
    }

    public ReadResult Read(long min, long max, long bound, int maxBytes)
    {
        if (faults.OnRead?.Invoke(min) is { } failure) throw failure;
        lock (_lock)
        {
            if (IsDeleted) return new ReadResult(StatusCode.Deleted, min, 0, null, _trim);
            if (min < _trim) return new ReadResult(StatusCode.Trimmed, min, 0, null, _trim);
            if (bound > _entries.Count) throw new LogletException(id, StatusCode.Unavailable, $"Loglet {id} was asked to read below {bound}; it holds only what is below {_entries.Count}.");
            var end = Math.Min(max, bound);
            if (min >= end) return new ReadResult(StatusCode.Ok, min, 0, null, _trim);
            var payload = RetainedPayload.Create();
            var position = min;
            while (position < end && (position == min || payload.Length + _entries[(int)position]!.Length <= maxBytes)) payload.Append(_entries[(int)position++]);
            return new ReadResult(StatusCode.Ok, min, (int)(position - min), payload, _trim);
        }
    }

    public long Trim(long position, long bound)
    {
        lock (_lock)
        {
            ThrowIfDeleted();
            var point = Math.Min(Math.Min(position, bound), Math.Max(Committed, IsSealed ? _entries.Count : 0));
            for (; _trim < point; _trim++) _entries[(int)_trim] = null;
            Signal();
            return _trim;
        }
    }

    public void Delete()
    {
        lock (_lock)
        {
            IsDeleted = true;
            IsSealed = true;
            Signal();
        }
    }

    public (long Tail, long Trim) Describe()
    {
        lock (_lock) return (_entries.Count, _trim);
    }

    private static void Answer((AppendOp Op, long Position, IMemoryAppender Owner)[] held, StatusCode status)
    {
        foreach (var (op, position, owner) in held) owner.Complete(op, status, position);
        foreach (var owner in held.Select(static h => h.Owner).Distinct()) owner.Deliver();
    }

    private void ThrowIfDeleted()
    {
        if (IsDeleted) throw new LogletException(id, StatusCode.Deleted, $"Loglet {id} was deleted.");
    }

    private void Signal()
    {
        _changed.TrySetResult();
        _changed = NewSignal();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
