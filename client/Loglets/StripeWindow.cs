using Delos.Protocol.Chains;
using Delos.Protocol.Messages;

namespace Delos.Client.Loglets;

/// <summary>
/// Which appends of a StripedLoglet may be acknowledged: those of which every lower position on every stripe is known to be committed (trap 23), and which stripes have to be filled for the others. Pure, and
/// not thread-safe; allocates nothing in steady state.
/// </summary>
/// <typeparam name="T">An append.</typeparam>
internal sealed class StripeWindow<T>(StripeMath math)
{
    private readonly long[] _tails = new long[math.Count];
    private readonly int[] _sent = new int[math.Count];
    private readonly Queue<(long Own, T Append)>[] _committed = [.. Enumerable.Range(0, math.Count).Select(static _ => new Queue<(long, T)>())];
    private long _highest;

    /// <summary>The first position that is not known to be committed.</summary>
    public long Tail { get; private set; }

    /// <summary>Committed on their stripes, and waiting for lower positions.</summary>
    public int Waiting { get; private set; }

    /// <summary>An append goes to a stripe.</summary>
    public void OnSent(int stripe) => _sent[stripe]++;

    /// <summary>It came back, whatever became of it.</summary>
    public void OnReturned(int stripe) => _sent[stripe]--;

    /// <summary>Where a stripe's next append would go, as far as this client knows: behind what is committed and what it has under way itself.</summary>
    public long Level(int stripe) => _tails[stripe] + _sent[stripe];

    /// <summary>An append is committed on its stripe.</summary>
    public void OnCommitted(int stripe, long own, T append)
    {
        _committed[stripe].Enqueue((own, append));
        Waiting++;
        _highest = Math.Max(_highest, math.ToStriped(stripe, own));
        OnTail(stripe, own + 1);
    }

    /// <summary>A stripe's own tail is known to be at least that.</summary>
    public void OnTail(int stripe, long tail)
    {
        if (tail <= _tails[stripe]) return;
        _tails[stripe] = tail;
        Tail = math.Tail(_tails);
    }

    /// <summary>Some append of that stripe that may be acknowledged: in the order in which the stripe committed them.</summary>
    public bool TryTake(int stripe, out T append, out long position)
    {
        if (_committed[stripe].TryPeek(out var head) && math.ToStriped(stripe, head.Own) < Tail) return Take(stripe, out append, out position);
        (append, position) = (default!, -1);
        return false;
    }

    /// <summary>Any append that waits, with its position: it will not be acknowledged.</summary>
    public bool TryGiveBack(out T append, out long position)
    {
        for (var i = 0; i < math.Count; i++)
        {
            if (_committed[i].Count > 0) return Take(i, out append, out position);
        }

        (append, position) = (default!, -1);
        return false;
    }

    /// <summary>
    /// Up to where a stripe has to be filled, so that what waits can be acknowledged; 0: it need not, or our own appends that are on their way to it get it there. No further than its sequencer does at one request:
    /// then ask again.
    /// </summary>
    public long FillOf(int stripe)
    {
        if (Waiting == 0) return 0;
        var wanted = math.OwnBelow(stripe, _highest);
        return Level(stripe) >= wanted ? 0 : Math.Min(wanted, _tails[stripe] + Fill.MaxGap);
    }

    private bool Take(int stripe, out T append, out long position)
    {
        (var own, append) = _committed[stripe].Dequeue();
        position = math.ToStriped(stripe, own);
        Waiting--;
        return true;
    }
}
