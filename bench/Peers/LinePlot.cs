using System.Globalization;
using System.Text;

namespace Delos.Bench.Peers;

/// <summary>A line plot with two logarithmic axes, as SVG.</summary>
internal static class LinePlot
{
    private const double Width = 720;
    private const double Height = 420;
    private const double Left = 80;
    private const double Right = 150;
    private const double Top = 40;
    private const double Bottom = 50;
    private const int MostTicks = 6;
    private static readonly string[] s_colours = ["#0b6e4f", "#c8553d", "#3a5a98", "#8e6c8a", "#a0862a", "#555555"];

    public static string Draw(string title, string xTitle, IEnumerable<(string Name, IReadOnlyList<(double X, double Y)> Points)> lines)
    {
        var drawn = lines.Select(l => (l.Name, Points: l.Points.Where(p => p.X > 0 && p.Y > 0).ToArray())).Where(l => l.Points.Length > 0).ToArray();
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"{Left}\" y=\"24\" font-size=\"15\">{title}</text>\n");
        if (drawn.Length > 0) AppendLines(svg, xTitle, drawn);
        return svg.Append("</svg>\n").ToString();
    }

    private static void AppendLines(StringBuilder svg, string xTitle, (string Name, (double X, double Y)[] Points)[] lines)
    {
        var all = lines.SelectMany(l => l.Points).ToArray();
        var (x0, x1) = (Math.Log10(all.Min(p => p.X)), Math.Log10(all.Max(p => p.X)));
        var (y0, y1) = (Math.Floor(Math.Log10(all.Min(p => p.Y))), Math.Ceiling(Math.Log10(all.Max(p => p.Y))));
        if (x1 <= x0) x1 = x0 + 1;
        if (y1 <= y0) y1 = y0 + 1;
        for (var y = y0; y <= y1; y++)
        {
            svg.Append(CultureInfo.InvariantCulture, $"<line x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Y(Math.Pow(10, y)):F1}\" y2=\"{Y(Math.Pow(10, y)):F1}\" stroke=\"#dddddd\"/>\n");
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{Left - 8}\" y=\"{Y(Math.Pow(10, y)) + 4:F1}\" text-anchor=\"end\">{Math.Pow(10, y):N0}</text>\n");
        }

        foreach (var x in Ticks([.. all.Select(static p => p.X).Distinct().Order()])) svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{X(x):F1}\" y=\"{Height - Bottom + 18}\" text-anchor=\"middle\">{x:N0}</text>\n");
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{(Left + Width - Right) / 2}\" y=\"{Height - 10}\" text-anchor=\"middle\">{xTitle}</text>\n");
        for (var i = 0; i < lines.Length; i++)
        {
            var colour = s_colours[i % s_colours.Length];
            svg.Append(CultureInfo.InvariantCulture, $"<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{string.Join(' ', lines[i].Points.Select(p => string.Create(CultureInfo.InvariantCulture, $"{X(p.X):F1},{Y(p.Y):F1}")))}\"/>\n");
            foreach (var point in lines[i].Points) svg.Append(CultureInfo.InvariantCulture, $"<circle cx=\"{X(point.X):F1}\" cy=\"{Y(point.Y):F1}\" r=\"3\" fill=\"{colour}\"/>\n");
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{Width - Right + 12}\" y=\"{Top + 16 * (i + 1)}\" fill=\"{colour}\">{lines[i].Name}</text>\n");
        }

        // Each value, if they are few; else round ones between them.
        static IEnumerable<double> Ticks(double[] values) => values.Length <= MostTicks
            ? values
            : Enumerable.Range(-6, 24).SelectMany(static e => new[] { 1, 2, 5 }.Select(d => d * Math.Pow(10, e))).Where(t => t >= values[0] && t <= values[^1]);

        double X(double value) => Left + (Math.Log10(value) - x0) / (x1 - x0) * (Width - Left - Right);

        double Y(double value) => Height - Bottom - (Math.Log10(value) - y0) / (y1 - y0) * (Height - Top - Bottom);
    }
}
