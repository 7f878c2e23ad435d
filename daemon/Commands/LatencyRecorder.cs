namespace Delos.Daemon.Commands;

/// <summary>Records durations from any thread, in a histogram for each: one for each of thousands of workers would not fit into the processor's caches, and that would be measured.</summary>
internal sealed class LatencyRecorder : IDisposable
{
    private readonly ThreadLocal<LatencyHistogram> _histograms = new(static () => new LatencyHistogram(), trackAllValues: true);

    public void Record(long value) => _histograms.Value!.Record(value);

    /// <summary>All of them together. When nobody records any more.</summary>
    public LatencyHistogram Total()
    {
        var total = new LatencyHistogram();
        foreach (var histogram in _histograms.Values) total.Add(histogram);
        return total;
    }

    public void Dispose() => _histograms.Dispose();
}
