using System.Numerics;

namespace Delos.Daemon.Commands;

/// <summary>
/// Counts of durations in log-linear buckets: each power of two is cut into 128 parts, so that a value is known to better than 1 %.
/// Recording allocates nothing. Not thread-safe: see <see cref="LatencyRecorder"/>.
/// </summary>
internal sealed class LatencyHistogram
{
    private const int SubBits = 7;
    private const int SubBuckets = 1 << SubBits;
    private readonly long[] _counts = new long[(64 - SubBits) * SubBuckets];

    public long Count { get; private set; }

    public long Maximum { get; private set; }

    public void Record(long value)
    {
        if (value < 0) value = 0;
        _counts[Index(value)]++;
        Count++;
        if (value > Maximum) Maximum = value;
    }

    public void Add(LatencyHistogram other)
    {
        for (var i = 0; i < _counts.Length; i++) _counts[i] += other._counts[i];
        Count += other.Count;
        Maximum = Math.Max(Maximum, other.Maximum);
    }

    public void Clear()
    {
        Array.Clear(_counts);
        Count = 0;
        Maximum = 0;
    }

    /// <summary>The value that <paramref name="percentile"/> percent of the recorded ones do not exceed, rounded up within its bucket; 0 if there are none.</summary>
    public long Percentile(double percentile)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(percentile);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(percentile, 100);
        if (Count == 0) return 0;
        var rank = Math.Max(1, (long)Math.Ceiling(Count * (percentile / 100)));
        long seen = 0;
        for (var i = 0; i < _counts.Length; i++)
        {
            seen += _counts[i];
            if (seen >= rank) return Math.Min(Highest(i), Maximum);
        }

        return Maximum;
    }

    private static int Index(long value)
    {
        if (value < SubBuckets) return (int)value;
        var exponent = 63 - BitOperations.LeadingZeroCount((ulong)value) - SubBits;
        return (exponent + 1) * SubBuckets + (int)(value >> exponent) - SubBuckets;
    }

    private static long Highest(int index)
    {
        if (index < SubBuckets) return index;
        var exponent = index / SubBuckets - 1;
        return ((long)(index % SubBuckets + SubBuckets) + 1 << exponent) - 1;
    }
}
