using Delos.Protocol.Chains;

namespace Delos.Client.Loglets;

/// <summary>
/// Which appends of a StripedLoglet may be acknowledged: those of which every lower position on every stripe is known to be committed (trap 23), and which stripes have to be filled for the others. Pure, and
/// not thread-safe.
/// </summary>
/// <typeparam name="T">An append.</typeparam>
internal sealed class StripeWindow<T>(StripeMath math)
{
    private readonly long[] _tails = new long[math.Count];
    private readonly int[] _sent = new int[math.Count];
    private readonly PriorityQueue<T, long> _committed = new();
    private long _highest;

    /// <summary>The first position that is not known to be committed.</summary>
    public long Tail { get; private set; }

    /// <summary>Committed on their stripes, and waiting for lower positions.</summary>
    public int Waiting => _committed.Count;

    /// <summary>An append goes to a stripe.</summary>
    public void OnSent(int stripe) => _sent[stripe]++;

    /// <summary>It came back, whatever became of it.</summary>
    public void OnReturned(int stripe) => _sent[stripe]--;

    /// <summary>An append is committed on its stripe.</summary>
    public void OnCommitted(int stripe, long own, T append)
    {
        var position = math.ToStriped(stripe, own);
        _committed.Enqueue(append, position);
        _highest = Math.Max(_highest, position);
        OnTail(stripe, own + 1);
    }

    /// <summary>A stripe's own tail is known to be at least that.</summary>
    public void OnTail(int stripe, long tail)
    {
        if (tail <= _tails[stripe]) return;
        _tails[stripe] = tail;
        Tail = math.Tail(_tails);
    }

    /// <summary>The next append that may be acknowledged, in the order of positions.</summary>
    public bool TryTake(out T append, out long position)
    {
        if (_committed.TryPeek(out append!, out position) && position < Tail)
        {
            _committed.Dequeue();
            return true;
        }

        return false;
    }

    /// <summary>Any append that waits, with its position: it will not be acknowledged.</summary>
    public bool TryGiveBack(out T append, out long position) => _committed.TryDequeue(out append!, out position);

    /// <summary>Up to where a stripe has to be filled, so that what waits can be acknowledged; 0: it need not, or our own appends that are on their way to it get it there.</summary>
    public long FillOf(int stripe)
    {
        if (_committed.Count == 0) return 0;
        var wanted = math.OwnBelow(stripe, _highest);
        return _tails[stripe] + _sent[stripe] >= wanted ? 0 : wanted;
    }
}
