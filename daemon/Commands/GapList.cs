using System.Globalization;
using System.Text.Json;

namespace Delos.Daemon.Commands;

/// <summary>The gaps around events of one kind, in milliseconds.</summary>
/// <param name="field">Its name in JSON.</param>
/// <param name="what">The kind of event, for people.</param>
internal sealed class GapList(string field, string what)
{
    private readonly List<double> _gaps = [];

    public int Count => _gaps.Count;

    /// <summary>Of an even number, the mean of the two in the middle; 0 if there are none.</summary>
    public double Median
    {
        get
        {
            var sorted = _gaps.Order().ToArray();
            if (sorted.Length == 0) return 0;
            return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : Math.Round((sorted[sorted.Length / 2 - 1] + sorted[sorted.Length / 2]) / 2, 1);
        }
    }

    public double Maximum => _gaps.DefaultIfEmpty().Max();

    public void Add(TimeSpan gap) => _gaps.Add(Math.Round(gap.TotalMilliseconds, 1));

    /// <summary>The smallest gap that <paramref name="percentile"/> percent of them do not exceed; with fewer than a hundred the 99th is the longest. 0 if there are none.</summary>
    public double Percentile(double percentile) => _gaps.Count == 0 ? 0 : _gaps.Order().ElementAt(Math.Max(1, (int)Math.Ceiling(_gaps.Count * (percentile / 100))) - 1);

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject(field);
        json.WriteNumber("median_ms", Median);
        json.WriteNumber("p99_ms", Percentile(99));
        json.WriteNumber("max_ms", Maximum);
        json.WriteStartArray("gaps_ms");
        foreach (var gap in _gaps) json.WriteNumberValue(gap);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    public string[] Row() => [what, Text(Median), Text(Percentile(99)), Text(Maximum), string.Join(' ', _gaps.Select(Text))];

    private static string Text(double milliseconds) => milliseconds.ToString("F1", CultureInfo.InvariantCulture);
}
