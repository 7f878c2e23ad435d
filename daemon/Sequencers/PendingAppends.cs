using System.Runtime.InteropServices;

namespace Delos.Daemon.Sequencers;

/// <summary>Appends of one client that have positions and wait to be committed.</summary>
/// <param name="Waiter">Whom to tell.</param>
/// <param name="ClientId">Whose they are.</param>
/// <param name="FirstSequence">Of the first.</param>
/// <param name="FirstPosition">Of the first.</param>
/// <param name="Count">How many; sequences and positions follow each other.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct PendingRun(object Waiter, ulong ClientId, ulong FirstSequence, long FirstPosition, int Count)
{
    public long EndPosition => FirstPosition + Count;

    /// <summary>What is left when the first <paramref name="count"/> are done.</summary>
    public PendingRun Skip(int count) =>
        this with { FirstSequence = FirstSequence + (ulong)count, FirstPosition = FirstPosition + count, Count = Count - count };
}

/// <summary>All pending appends of a Loglet in order of position, in a ring. Neighbours that can be answered by one range are joined.</summary>
public sealed class PendingAppends
{
    // So that one answer does not wait for much more than one store's worth of neighbours.
    private const int MaxRun = 1 << 20;

    private PendingRun[] _ring = new PendingRun[64];
    private long _head;
    private long _end;

    public bool IsEmpty => _head == _end;

    public int Count => (int)(_end - _head);

    public PendingRun First => Slot(_head);

    public void Add(PendingRun run)
    {
        if (_head < _end)
        {
            ref var last = ref Slot(_end - 1);
            if (ReferenceEquals(last.Waiter, run.Waiter) && last.ClientId == run.ClientId && last.Count + run.Count <= MaxRun
                && last.FirstSequence + (ulong)last.Count == run.FirstSequence && last.EndPosition == run.FirstPosition)
            {
                last = last with { Count = last.Count + run.Count };
                return;
            }
        }

        if (_end - _head == _ring.Length) Grow();
        Slot(_end++) = run;
    }

    /// <summary>Takes the first run, or as much of it as lies below <paramref name="tail"/>. False if nothing does.</summary>
    public bool TryTake(long tail, out PendingRun run)
    {
        run = default;
        if (_head == _end) return false;
        ref var first = ref Slot(_head);
        if (first.FirstPosition >= tail) return false;
        run = first;
        if (first.EndPosition <= tail)
        {
            first = default;
            _head++;
            return true;
        }

        var taken = (int)(tail - first.FirstPosition);
        run = first with { Count = taken };
        first = first.Skip(taken);
        return true;
    }

    private ref PendingRun Slot(long index) => ref _ring[index & (_ring.Length - 1)];

    private void Grow()
    {
        var grown = new PendingRun[_ring.Length * 2];
        for (var i = _head; i < _end; i++) grown[i & (grown.Length - 1)] = Slot(i);
        _ring = grown;
    }
}
