namespace Delos.Protocol.Chains;

/// <summary>Positions of a StripedLoglet: stripe i of N maps its position j to j·N + i (DESIGN §3, StripedLoglet).</summary>
/// <param name="Count">N, at least 1.</param>
public readonly record struct StripeMath(int Count)
{
    public int StripeOf(long position) => (int)(position % Count);

    /// <summary>The striped position of what stripe <paramref name="stripe"/> has at <paramref name="own"/>.</summary>
    public long ToStriped(int stripe, long own) => own * Count + stripe;

    /// <summary>How many of the positions below <paramref name="position"/> belong to the stripe: also its own first position that is not below.</summary>
    public long OwnBelow(int stripe, long position) => position <= stripe ? 0 : (position - stripe + Count - 1) / Count;

    /// <summary>The first position that is not filled, by the stripes' own tails.</summary>
    public long Tail(ReadOnlySpan<long> tails)
    {
        var lowest = long.MaxValue;
        for (var i = 0; i < tails.Length; i++) lowest = Math.Min(lowest, ToStriped(i, tails[i]));
        return lowest;
    }

    /// <summary>Behind the highest position that some stripe has trimmed, by the stripes' own trim points: everything below was trimmed with it, or is about to be.</summary>
    public long TrimPoint(ReadOnlySpan<long> points)
    {
        var highest = 0L;
        for (var i = 0; i < points.Length; i++)
        {
            if (points[i] > 0) highest = Math.Max(highest, ToStriped(i, points[i] - 1) + 1);
        }

        return highest;
    }
}
