using Delos.Protocol.Chains;

namespace Delos.Client.Loglets;

/// <summary>
/// Deals appends out to stripes: as many to each as bring all to the same level, so that nobody has to fill a gap, and those of one stripe in one piece, since sequences without gaps make short frames and short answers.
/// Pure.
/// </summary>
internal static class StripeChoice
{
    /// <param name="math">Of the stripes.</param>
    /// <param name="levels">Each stripe's next position, as far as it is known.</param>
    /// <param name="count">Appends, at least 1.</param>
    /// <param name="shares">Set to how many of them go to each stripe.</param>
    public static void Deal(StripeMath math, ReadOnlySpan<long> levels, int count, Span<int> shares)
    {
        // The lowest striped position below which there is room for all of them.
        var low = math.Tail(levels);
        var high = low + (long)count * math.Count;
        while (low < high)
        {
            var middle = low + (high - low) / 2;
            if (Room(math, levels, middle) >= count) high = middle;
            else low = middle + 1;
        }

        for (var i = 0; i < shares.Length; i++) shares[i] = (int)Math.Max(0, math.OwnBelow(i, low) - levels[i]);
    }

    /// <summary>How many free positions there are below that one.</summary>
    private static long Room(StripeMath math, ReadOnlySpan<long> levels, long position)
    {
        var room = 0L;
        for (var i = 0; i < levels.Length; i++) room += Math.Max(0, math.OwnBelow(i, position) - levels[i]);
        return room;
    }
}
