using Delos.Daemon.Commands;

namespace Delos.Tests.Commands;

[TestFixture]
public class LatencyHistogramTests
{
    [Test]
    public void Empty_histogram_has_percentile_0() => Assert.That(new LatencyHistogram().Percentile(99), Is.Zero);

    [Test]
    public void Small_values_are_exact()
    {
        var histogram = new LatencyHistogram();
        for (var i = 1; i <= 100; i++) histogram.Record(i);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(histogram.Percentile(0), Is.EqualTo(1));
            Assert.That(histogram.Percentile(50), Is.EqualTo(50));
            Assert.That(histogram.Percentile(99), Is.EqualTo(99));
            Assert.That(histogram.Percentile(100), Is.EqualTo(100));
        }
    }

    [Test]
    public void Every_value_is_kept_to_better_than_one_percent()
    {
        for (long value = 1; value > 0 && value < long.MaxValue / 3; value = value * 3 / 2 + 1)
        {
            var histogram = new LatencyHistogram();
            histogram.Record(value);
            histogram.Record(long.MaxValue);
            Assert.That(histogram.Percentile(50), Is.InRange(value, value + value / 100 + 1));
        }
    }

    [Test]
    public void Percentiles_agree_with_a_sorted_list()
    {
        var random = new Random(5);
        var values = Enumerable.Range(0, 10_000).Select(_ => (long)Math.Exp(random.NextDouble() * 14)).ToList();
        var histogram = new LatencyHistogram();
        foreach (var value in values) histogram.Record(value);
        values.Sort();
        foreach (var percentile in new[] { 1, 10, 50, 90, 99, 99.9 })
        {
            var exact = values[(int)Math.Ceiling(values.Count * percentile / 100) - 1];
            Assert.That(histogram.Percentile(percentile), Is.InRange(exact, exact + exact / 100 + 1), $"p{percentile}");
        }

        Assert.That(histogram.Maximum, Is.EqualTo(values[^1]));
    }

    [Test]
    public void Merged_histograms_count_as_one()
    {
        var (a, b) = (new LatencyHistogram(), new LatencyHistogram());
        a.Record(10);
        b.Record(20);
        b.Record(30);
        a.Add(b);
        Assert.That((a.Count, a.Percentile(50), a.Maximum), Is.EqualTo((3L, 20L, 30L)));
    }

    [Test]
    public void Recording_allocates_nothing()
    {
        var histogram = new LatencyHistogram();
        histogram.Record(1);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++) histogram.Record(i);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }
}
