namespace Delos.Daemon.Sequencers;

/// <summary>
/// What a Loglet's sequencer remembers of one client's appends: the floor, and the position of every sequence that it assigned at or above it. Sequences below the floor are never resent
/// and are refused; nothing at or above it is ever forgotten (DESIGN §3, exactly-once append).
/// </summary>
public sealed class ClientIds(ulong clientId, ulong floor)
{
    internal const int InitialSlots = 16;

    // Position + 1 of the sequences [Floor, Floor + length), at sequence modulo length; 0: not assigned.
    private long[] _slots = new long[InitialSlots];

    public ulong ClientId { get; } = clientId;

    /// <summary>The lowest sequence that the client may still send.</summary>
    public ulong Floor { get; private set; } = floor;

    public int Slots => _slots.Length;

    private ulong Mask => (ulong)_slots.Length - 1;

    /// <summary>Forgets what lies below <paramref name="floor"/>. The floor never goes down: a late frame carries an old one.</summary>
    public void RaiseFloor(ulong floor)
    {
        if (floor <= Floor) return;
        var count = floor - Floor;
        if (count >= (ulong)_slots.Length)
        {
            Array.Clear(_slots);
        }
        else
        {
            var start = (int)(Floor & Mask);
            var head = Math.Min((int)count, _slots.Length - start);
            Array.Clear(_slots, start, head);
            Array.Clear(_slots, 0, (int)count - head);
        }

        Floor = floor;
    }

    /// <summary>How many of the sequences [first, first + count), all at or above the floor, are unknown before the first known one.</summary>
    public int CountUnknown(ulong first, int count)
    {
        for (var i = 0; i < count; i++)
        {
            if (PositionOf(first + (ulong)i) >= 0) return i;
        }

        return count;
    }

    /// <summary>How many of the sequences, the first of which is known, stand at positions that follow each other.</summary>
    public int CountKnown(ulong first, int count, out long firstPosition)
    {
        firstPosition = PositionOf(first);
        var known = 1;
        while (known < count && PositionOf(first + (ulong)known) == firstPosition + known) known++;
        return known;
    }

    /// <summary>-1 if the sequence was never assigned a position.</summary>
    public long PositionOf(ulong sequence) =>
        sequence - Floor < (ulong)_slots.Length ? _slots[sequence & Mask] - 1 : -1;

    /// <summary>Slots that <see cref="Record"/> would need to hold <paramref name="sequence"/>; -1 if it is <paramref name="limit"/> or more above the floor.</summary>
    public long SlotsFor(ulong sequence, int limit)
    {
        var distance = sequence - Floor;
        if (distance >= (ulong)limit) return -1;
        long slots = _slots.Length;
        while ((ulong)slots <= distance) slots *= 2;
        return slots;
    }

    public void Grow(int slots)
    {
        if (slots <= _slots.Length) return;
        var grown = new long[slots];
        for (var i = 0; i < _slots.Length; i++)
        {
            var sequence = Floor + (ulong)i;
            grown[sequence & ((ulong)slots - 1)] = _slots[sequence & Mask];
        }

        _slots = grown;
    }

    /// <summary>Sequences [first, first + count) were given the positions from <paramref name="position"/> on. The slots exist (<see cref="Grow"/>).</summary>
    public void Record(ulong first, int count, long position)
    {
        for (var i = 0; i < count; i++) _slots[(first + (ulong)i) & Mask] = position + i + 1;
    }
}
