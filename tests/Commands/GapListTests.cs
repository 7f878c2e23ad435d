using System.Text;
using System.Text.Json;
using Delos.Daemon.Commands;

namespace Delos.Tests.Commands;

/// <summary>The figures of <c>delosd bench failover</c>.</summary>
public class GapListTests
{
    [Test]
    public void Percentiles_are_gaps_that_were_measured()
    {
        var gaps = Of(Enumerable.Range(1, 200).Reverse());
        Assert.That(gaps.Median, Is.EqualTo(100.5));
        Assert.That(gaps.Percentile(99), Is.EqualTo(198));
        Assert.That(gaps.Percentile(50), Is.EqualTo(100));
        Assert.That(gaps.Maximum, Is.EqualTo(200));
    }

    [Test]
    public void The_99th_percentile_of_few_is_the_longest()
    {
        Assert.That(Of([3, 1, 2]).Percentile(99), Is.EqualTo(3));
        Assert.That(Of([3, 1, 2]).Median, Is.EqualTo(2));
    }

    [Test]
    public void Without_events_everything_is_zero()
    {
        var gaps = Of([]);
        Assert.That(new[] { gaps.Median, gaps.Percentile(99), gaps.Maximum, gaps.Count }, Is.All.Zero);
    }

    [Test]
    public void Json_has_the_figures_and_every_gap_in_order()
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            Of([7, 5]).Write(json);
            json.WriteEndObject();
        }

        Assert.That(Encoding.UTF8.GetString(stream.ToArray()), Is.EqualTo("""{"gaps":{"median_ms":6,"p99_ms":7,"max_ms":7,"gaps_ms":[7,5]}}"""));
    }

    private static GapList Of(IEnumerable<int> milliseconds)
    {
        var gaps = new GapList("gaps", "event");
        foreach (var gap in milliseconds) gaps.Add(TimeSpan.FromMilliseconds(gap));
        return gaps;
    }
}
