namespace Delos.Daemon.LogServers;

/// <summary>What a record of the replica's log makes true once it is durable.</summary>
internal enum PendingKind : byte
{
    /// <summary>Entries from the sequencer, or committed ones from a peer: the durable tail rises and the sequencer hears of it.</summary>
    Store,

    /// <summary>Copies that no sequencer hears of: a repair after the seal, or the patch of an unknown range.</summary>
    Copy,

    Seal,

    Trim,

    /// <summary>The replica's config: the replica exists.</summary>
    Creation,
}

/// <param name="EndAddress">The record is durable once the log's durable address reaches this.</param>
/// <param name="Kind">What becomes true.</param>
/// <param name="First">First position of a store or copy.</param>
/// <param name="Tail">First position behind a store or copy; the trim point of a trim.</param>
/// <param name="Bytes">Payload bytes, for the bound on what is accepted but not durable.</param>
internal readonly record struct PendingRecord(long EndAddress, PendingKind Kind, long First, long Tail, int Bytes);

/// <summary>First in, first out, in a ring that grows and never shrinks: nothing is allocated per store.</summary>
internal sealed class DurabilityQueue
{
    private PendingRecord[] _ring = new PendingRecord[16];
    private int _head;

    public int Count { get; private set; }

    public void Enqueue(in PendingRecord record)
    {
        if (Count == _ring.Length)
        {
            var larger = new PendingRecord[_ring.Length * 2];
            for (var i = 0; i < Count; i++) larger[i] = _ring[(_head + i) & (_ring.Length - 1)];
            _ring = larger;
            _head = 0;
        }

        _ring[(_head + Count++) & (_ring.Length - 1)] = record;
    }

    /// <summary>Takes the oldest record if it ends at or before <paramref name="durableAddress"/>.</summary>
    public bool TryDequeue(long durableAddress, out PendingRecord record)
    {
        record = default;
        if (Count == 0 || _ring[_head].EndAddress > durableAddress) return false;
        record = _ring[_head];
        _head = (_head + 1) & (_ring.Length - 1);
        Count--;
        return true;
    }
}
