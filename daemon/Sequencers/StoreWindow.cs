using System.Numerics;
using Delos.Protocol.Blocks;

namespace Delos.Daemon.Sequencers;

/// <summary>Entries that were sent, or will be, as one Store frame.</summary>
/// <param name="First">Position of the first entry.</param>
/// <param name="Count">Entries.</param>
/// <param name="Payload">The entries back to back; the window holds one reference.</param>
/// <param name="ChargeBefore">Sum of the charges of all earlier batches.</param>
public readonly record struct StoreBatch(long First, int Count, RetainedPayload Payload, long ChargeBefore)
{
    public long End => First + Count;
}

/// <summary>
/// The sequencer's memory of recent batches, oldest first, in a ring. Batches are numbered from 0 and never renumbered; [Head, End) are held. Positions are dense: a batch begins
/// where the one before it ended.
/// </summary>
public sealed class StoreWindow
{
    private StoreBatch[] _ring = new StoreBatch[64];
    private long _endCharge;

    /// <summary>Number of the oldest batch held.</summary>
    public long Head { get; private set; }

    /// <summary>Number that the next batch will get.</summary>
    public long End { get; private set; }

    /// <summary>First position that no batch covers yet.</summary>
    public long EndPosition { get; private set; }

    /// <summary>First position that can be sent from here; <see cref="EndPosition"/> if nothing is held.</summary>
    public long FirstPosition => Head == End ? EndPosition : this[Head].First;

    public ref readonly StoreBatch this[long number] => ref _ring[number & (_ring.Length - 1)];

    /// <summary>Takes over the caller's reference to the payload. <paramref name="charge"/>: what the batch counts against the bounds, in bytes.</summary>
    public void Add(int count, RetainedPayload payload, long charge)
    {
        if (End - Head == _ring.Length) Grow();
        _ring[End & (_ring.Length - 1)] = new StoreBatch(EndPosition, count, payload, _endCharge);
        End++;
        EndPosition += count;
        _endCharge += charge;
    }

    /// <summary>Charges of the batches [from, to), both at least <see cref="Head"/>.</summary>
    public long Charge(long from, long to) => ChargeBefore(to) - ChargeBefore(from);

    /// <summary>Number of the batch that holds <paramref name="position"/>, which lies in [FirstPosition, EndPosition]; <see cref="End"/> for the latter.</summary>
    public long Find(long position)
    {
        long low = Head, high = End;
        while (low < high)
        {
            var middle = low + (high - low) / 2;
            if (this[middle].End <= position) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    public void ReleaseHead()
    {
        ref var batch = ref _ring[Head & (_ring.Length - 1)];
        batch.Payload.Release();
        batch = default;
        Head++;
    }

    public void Clear()
    {
        while (Head < End) ReleaseHead();
    }

    private long ChargeBefore(long number) => number == End ? _endCharge : this[number].ChargeBefore;

    private void Grow()
    {
        var grown = new StoreBatch[BitOperations.RoundUpToPowerOf2((uint)_ring.Length + 1)];
        for (var number = Head; number < End; number++) grown[number & (grown.Length - 1)] = this[number];
        _ring = grown;
    }
}
