namespace Delos.Bench.Peers;

/// <summary>What is measured.</summary>
/// <param name="Sizes">Bytes of a write.</param>
/// <param name="Outstanding">Writes under way at a time.</param>
/// <param name="Rounds">How often all of it; the systems take turns within each.</param>
/// <param name="WarmUp">Load before each measurement.</param>
/// <param name="Duration">Of each measurement.</param>
/// <param name="Kills">Deaths of the leader.</param>
internal sealed record PeersPlan(IReadOnlyList<int> Sizes, IReadOnlyList<int> Outstanding, int Rounds, TimeSpan WarmUp, TimeSpan Duration, int Kills)
{
    public const int GapOutstanding = 64;
    public const int GapSize = 128;
    public const int ScanRows = 1000;
    public const int ScanOutstanding = 16;
    public const int TailOutstanding = 256;
    public const int TailSize = 128;
}

/// <param name="Peer">Its name.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Outstanding">At a time.</param>
/// <param name="Results">One for each round.</param>
internal sealed record Cell(string Peer, int Size, int Outstanding, List<LoopResult> Results)
{
    public double PerSecond => Median(r => r.PerSecond);

    public double P50 => Median(r => r.P50);

    public double P99 => Median(r => r.P99);

    public double P999 => Median(r => r.P999);

    public double ProcessorSeconds => Median(r => r.ProcessorSeconds);

    public double BusiestProcessorSeconds => Median(r => r.BusiestProcessorSeconds);

    public double Stolen => Median(r => r.Stolen);

    /// <summary>How far the rounds' throughputs are from each other, as a part of their median.</summary>
    public double Noise => PerSecond == 0 ? 0 : (Results.Max(r => r.PerSecond) - Results.Min(r => r.PerSecond)) / PerSecond;

    /// <summary>0 of none.</summary>
    public static double MedianOf(IEnumerable<double> all)
    {
        var values = all.Order().ToArray();
        if (values.Length == 0) return 0;
        return values.Length % 2 == 1 ? values[values.Length / 2] : (values[values.Length / 2 - 1] + values[values.Length / 2]) / 2;
    }

    private double Median(Func<LoopResult, double> value) => MedianOf(Results.Select(value));
}
