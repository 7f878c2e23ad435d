namespace Delos.Client.Loglets;

/// <summary>
/// The appends of one client that a Loglet has not answered, found by sequence, and among them those still to be sent. Not thread-safe. Grows to what was ever
/// outstanding, then allocates nothing.
/// </summary>
internal sealed class PendingAppends
{
    /// <summary>Widest span of sequences between the oldest and the newest pending append.</summary>
    public const int MaxSpan = 1 << 20;

    private readonly Queue<AppendOp> _unsent = new();
    private AppendOp?[] _ring = new AppendOp?[256];
    private ulong _low;
    private ulong _end;

    public int Count { get; private set; }

    public int UnsentCount => _unsent.Count;

    /// <summary>The lowest pending sequence; only if <see cref="Count"/> is not 0.</summary>
    public ulong Low => _low;

    /// <summary>The sequence behind the highest pending one; only if <see cref="Count"/> is not 0.</summary>
    public ulong End => _end;

    /// <summary>Takes an op, to be sent behind the others. False: its sequence is pending already or too far from the others.</summary>
    public bool TryAdd(AppendOp op)
    {
        var sequence = op.Sequence;
        if (Count == 0)
        {
            _low = sequence;
            _end = sequence + 1;
        }
        else
        {
            var low = Math.Min(_low, sequence);
            var end = Math.Max(_end, sequence + 1);
            if (end - low > MaxSpan) return false;
            if (end - low > (ulong)_ring.Length) Grow(end - low);
            _low = low;
            _end = end;
        }

        ref var slot = ref _ring[Index(sequence)];
        if (slot is not null) return false;
        slot = op;
        Count++;
        _unsent.Enqueue(op);
        return true;
    }

    /// <summary>Removes and returns the op with that sequence; null if it is not pending.</summary>
    public AppendOp? Take(ulong sequence)
    {
        if (Count == 0 || sequence < _low || sequence >= _end) return null;
        ref var slot = ref _ring[Index(sequence)];
        var op = slot;
        if (op is null) return null;
        slot = null;
        Count--;
        if (Count == 0)
        {
            // Answered without having been sent by us now, as after a resend; what remains queued would be stale.
            _unsent.Clear();
        }
        else if (sequence == _low)
        {
            while (_ring[Index(_low)] is null) _low++;
        }

        return op;
    }

    /// <summary>The next op to send, which stays pending; null if there is none. Ops answered meanwhile are passed over.</summary>
    public AppendOp? PeekUnsent()
    {
        while (_unsent.TryPeek(out var op))
        {
            if (op.Sequence >= _low && op.Sequence < _end && ReferenceEquals(_ring[Index(op.Sequence)], op)) return op;
            _unsent.Dequeue();
        }

        return null;
    }

    public void DequeueUnsent() => _unsent.Dequeue();

    /// <summary>Everything pending is to be sent (again), by sequence: the order in which the client made them.</summary>
    public void SendAllAgain()
    {
        _unsent.Clear();
        if (Count == 0) return;
        for (var sequence = _low; sequence < _end; sequence++)
        {
            if (_ring[Index(sequence)] is { } op) _unsent.Enqueue(op);
        }
    }

    private int Index(ulong sequence) => (int)(sequence & (ulong)(_ring.Length - 1));

    private void Grow(ulong span)
    {
        var old = _ring;
        var length = old.Length;
        while ((ulong)length < span) length *= 2;
        _ring = new AppendOp?[length];
        foreach (var op in old)
        {
            if (op is not null) _ring[Index(op.Sequence)] = op;
        }
    }
}
