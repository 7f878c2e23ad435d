using System.Globalization;

namespace Delos.Daemon.Configuration;

/// <summary>Reads the text of values. Numbers, sizes (bytes) and durations (microseconds) are kept as <see cref="long"/>.</summary>
internal static class ConfigValues
{
    private static readonly (string Unit, long Factor)[] SizeUnits =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("TiB", 1L << 40), ("B", 1), ("", 1),
    ];

    private static readonly (string Unit, long Factor)[] DurationUnits = [("us", 1), ("ms", 1000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000)];

    /// <summary>The value (long, bool, string, HostPort, list of HostPort, Guid), or a sentence that says what is wrong with the text.</summary>
    public static object? Parse(ConfigKey key, string text, out string? error)
    {
        error = null;
        if (text.Length == 0 && key.Kind is not ConfigKind.Guid)
        {
            if (key.Default.Length == 0) return null;
            error = $"needs a value ({Describe(key)})";
            return null;
        }

        switch (key.Kind)
        {
            case ConfigKind.Text:
                return text;
            case ConfigKind.Path:
                if (!text.Contains('\0')) return text;
                break;
            case ConfigKind.Boolean:
                if (text is "true" or "yes" or "on") return true;
                if (text is "false" or "no" or "off") return false;
                break;
            case ConfigKind.Integer:
                if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)) return Bound(key, number, text, ref error);
                break;
            case ConfigKind.Size:
                if (TryScale(text, SizeUnits, out var bytes)) return Bound(key, bytes, text, ref error);
                break;
            case ConfigKind.Duration:
                if (TryScale(text, DurationUnits, out var microseconds)) return Bound(key, microseconds, text, ref error);
                break;
            case ConfigKind.Address:
                if (HostPort.TryParse(text, out var address)) return address;
                break;
            case ConfigKind.AddressList:
                var list = new List<HostPort>();
                foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
                {
                    if (!HostPort.TryParse(part, out var item))
                    {
                        error = $"'{part}' is not host:port";
                        return null;
                    }

                    list.Add(item);
                }

                if (list.Count > 0) return list;
                break;
            case ConfigKind.Guid:
                if (text.Length == 0) return Guid.Empty;
                if (Guid.TryParse(text, out var guid)) return guid;
                break;
            case ConfigKind.Choice:
                if (key.Choices.Contains(text)) return text;
                error = $"'{text}' is not one of {string.Join(", ", key.Choices)}{Nearest.Suggest(text, key.Choices)}";
                return null;
            default:
                throw new InvalidOperationException($"No reader for {key.Kind}.");
        }

        error = $"'{text}' is not {Describe(key)}";
        return null;
    }

    /// <summary>What a value must look like, for messages and the sample file.</summary>
    public static string Describe(ConfigKey key) => key.Kind switch
    {
        ConfigKind.Boolean => "true or false",
        ConfigKind.Integer => "a number" + Range(key, static n => n.ToString(CultureInfo.InvariantCulture)),
        ConfigKind.Size => "a size like 64MiB" + Range(key, FormatSize),
        ConfigKind.Duration => "a duration like 100ms" + Range(key, FormatDuration),
        ConfigKind.Address => "host:port",
        ConfigKind.AddressList => "a list of host:port",
        ConfigKind.Guid => "a GUID",
        ConfigKind.Choice => "one of " + string.Join(", ", key.Choices),
        ConfigKind.Path => "a path",
        _ => "text",
    };

    public static string FormatSize(long bytes)
    {
        foreach (var (unit, factor) in SizeUnits.Take(4).Reverse())
        {
            if (bytes >= factor && bytes % factor == 0) return $"{bytes / factor}{unit}";
        }

        return bytes.ToString(CultureInfo.InvariantCulture);
    }

    public static string FormatDuration(long microseconds)
    {
        foreach (var (unit, factor) in DurationUnits.Reverse())
        {
            if (microseconds >= factor && microseconds % factor == 0) return $"{microseconds / factor}{unit}";
        }

        return $"{microseconds}us";
    }

    private static string Range(ConfigKey key, Func<long, string> format) =>
        key.Maximum == long.MaxValue ? key.Minimum == 0 ? "" : $", {format(key.Minimum)} or more" : $", {format(key.Minimum)} to {format(key.Maximum)}";

    private static object? Bound(ConfigKey key, long value, string text, ref string? error)
    {
        if (value >= key.Minimum && value <= key.Maximum) return value;
        error = $"{text} is out of bounds: {Describe(key)}";
        return null;
    }

    private static bool TryScale(string text, (string Unit, long Factor)[] units, out long value)
    {
        value = 0;
        var digits = 0;
        while (digits < text.Length && (char.IsAsciiDigit(text[digits]) || text[digits] == '.')) digits++;
        if (digits == 0 || !decimal.TryParse(text.AsSpan(0, digits), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)) return false;
        var unit = text.AsSpan(digits).Trim();
        foreach (var (name, factor) in units)
        {
            if (!unit.Equals(name, StringComparison.OrdinalIgnoreCase)) continue;
            if (number > long.MaxValue / factor) return false;
            var scaled = number * factor;
            if (scaled != decimal.Truncate(scaled)) return false;
            value = (long)scaled;
            return true;
        }

        return false;
    }
}
