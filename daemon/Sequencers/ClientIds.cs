namespace Delos.Daemon.Sequencers;

/// <summary>
/// What a Loglet's sequencer remembers of one client's appends: the floor, and for every sequence at or above it that it answered for, the position that it assigned, or that it refused.
/// Sequences below the floor are never resent and are refused; nothing at or above it is ever forgotten (DESIGN §3, exactly-once append).
/// <para>
/// Refusals are remembered because the client takes one for "not in the log": a copy that waits on a former, paused connection must not find room later (trap 17). The model
/// exactly_once.pml has no refusals; in its terms a refused id is one below the floor from then on.
/// </para>
/// </summary>
public sealed class ClientIds(ulong clientId, ulong floor)
{
    internal const int InitialSlots = 16;

    /// <summary>In place of a position: nothing is known of the sequence.</summary>
    public const long Unknown = -1;

    /// <summary>In place of a position: the sequence was refused for good.</summary>
    public const long Refused = -2;

    // Position + 1 of the sequences [Floor, Floor + length), at sequence modulo length: so 0 is Unknown.
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
            if (PositionOf(first + (ulong)i) != Unknown) return i;
        }

        return count;
    }

    /// <summary>How many of the sequences, the first of which is known, stand at positions that follow each other, or are <see cref="Refused"/> alike.</summary>
    public int CountKnown(ulong first, int count, out long firstPosition)
    {
        firstPosition = PositionOf(first);
        var known = 1;
        var step = firstPosition == Refused ? 0 : 1;
        while (known < count && PositionOf(first + (ulong)known) == firstPosition + known * step) known++;
        return known;
    }

    /// <summary>The position that the sequence was assigned, <see cref="Refused"/> or <see cref="Unknown"/>.</summary>
    public long PositionOf(ulong sequence) =>
        sequence - Floor < (ulong)_slots.Length ? _slots[sequence & Mask] - 1 : Unknown;

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

    /// <summary>Sequences [first, first + count) were refused and are never assigned. The slots exist (<see cref="Grow"/>).</summary>
    public void RecordRefused(ulong first, int count)
    {
        for (var i = 0; i < count; i++) _slots[(first + (ulong)i) & Mask] = Refused + 1;
    }
}
