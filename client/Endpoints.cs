using System.Globalization;

namespace Delos.Client;

/// <summary>Parses <c>delos://host1:port,host2:port</c>; the scheme may be left out, IPv6 addresses stand in brackets.</summary>
public static class Endpoints
{
    public const string Scheme = "delos://";

    /// <exception cref="FormatException">Not such a list.</exception>
    public static IReadOnlyList<(string Host, int Port)> Parse(string text)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(text);
        var list = text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? text[Scheme.Length..] : text;
        var result = new List<(string, int)>();
        foreach (var item in list.TrimEnd('/').Split(',', StringSplitOptions.TrimEntries))
        {
            var colon = item.LastIndexOf(':');
            if (colon <= 0 || !int.TryParse(item.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 1 or > 65535)
                throw new FormatException($"'{item}' is not host:port.");
            var host = item[..colon];
            if (host is ['[', .., ']']) host = host[1..^1];
            else if (host.Contains(':')) throw new FormatException($"'{item}': put an IPv6 address in brackets.");
            if (host.Length == 0 || host.AsSpan().IndexOfAny("[]/=") >= 0 || host.Any(c => char.IsWhiteSpace(c) || char.IsControl(c))) throw new FormatException($"'{item}': '{host}' is no host name or address.");
            result.Add((host, port));
        }

        return result;
    }
}
