namespace Delos.Daemon.Configuration;

/// <summary>One <c>key = value</c> of an INI file, with its place.</summary>
internal readonly record struct IniEntry(string Section, string Name, string Value, int Line);

/// <summary>
/// A small INI parser that knows line numbers, which the framework's provider does not tell. Lines are <c>[section]</c>, <c>key = value</c>,
/// blank, or a comment that begins with # or ;. There are no comments behind a value, no quotes and no continued lines.
/// </summary>
internal static class IniParser
{
    /// <summary>Reads the text; what makes no sense is reported in <paramref name="errors"/> as <c>file:line: …</c> and skipped.</summary>
    public static List<IniEntry> Parse(string file, string text, List<string> errors)
    {
        var entries = new List<IniEntry>();
        var seen = new Dictionary<(string, string), int>();
        string? section = null;
        var number = 0;
        foreach (var raw in text.Split('\n'))
        {
            number++;
            var line = raw.Trim();
            if (number == 1) line = line.TrimStart('\uFEFF');
            if (line.Length == 0 || line[0] is '#' or ';') continue;
            if (line[0] == '[')
            {
                if (line[^1] != ']')
                {
                    errors.Add($"{file}:{number}: a section is written [name], not '{line}'");
                    continue;
                }

                section = line[1..^1].Trim().ToLowerInvariant();
                if (!IsSection(section)) errors.Add($"{file}:{number}: unknown section [{section}]{Nearest.Suggest(section, ConfigKeys.Sections.Select(s => s.Name), "[", "]")}");
                continue;
            }

            var equals = line.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                errors.Add($"{file}:{number}: expected 'key = value', found '{line}'");
                continue;
            }

            var name = line[..equals].Trim().ToLowerInvariant();
            if (section is null)
            {
                errors.Add($"{file}:{number}: '{name}' stands before the first [section]");
                continue;
            }

            if (!seen.TryAdd((section, name), number))
            {
                errors.Add($"{file}:{number}: {section}.{name} is given twice, first in line {seen[(section, name)]}");
                continue;
            }

            entries.Add(new IniEntry(section, name, line[(equals + 1)..].Trim(), number));
        }

        return entries;
    }

    public static bool IsSection(string section)
    {
        foreach (var known in ConfigKeys.Sections)
        {
            if (known.Name == section) return true;
        }

        return false;
    }
}
