namespace Delos.Daemon.Configuration;

/// <summary>One effective value: its text, what it was read as, and who gave it (<c>default</c>, <c>file:line</c>, <c>environment DELOS_…</c>, <c>--set</c>).</summary>
internal sealed record Setting(ConfigKey Key, string Text, object? Value, string Source);

/// <summary>The effective value of every key. Later sources win: defaults, file, environment, flags.</summary>
internal sealed class Settings
{
    private readonly Dictionary<ConfigKey, Setting> _values;

    private Settings(Dictionary<ConfigKey, Setting> values) => _values = values;

    public IEnumerable<Setting> All => ConfigKeys.All.Select(key => _values[key]);

    public Setting this[ConfigKey key] => _values[key];

    public string Text(ConfigKey key) => (string)(_values[key].Value ?? "");

    public long Number(ConfigKey key) => (long)(_values[key].Value ?? 0L);

    public int Int32(ConfigKey key) => checked((int)Number(key));

    public bool Flag(ConfigKey key) => (bool)(_values[key].Value ?? false);

    public Guid Guid(ConfigKey key) => (Guid)(_values[key].Value ?? System.Guid.Empty);

    public HostPort? Address(ConfigKey key) => (HostPort?)_values[key].Value;

    public IReadOnlyList<HostPort> Addresses(ConfigKey key) => (IReadOnlyList<HostPort>)(_values[key].Value ?? Array.Empty<HostPort>());

    public TimeSpan Duration(ConfigKey key) => TimeSpan.FromMicroseconds(Number(key));

    /// <summary>Reads all sources.</summary>
    /// <param name="file">Path of the INI file; null: none.</param>
    /// <param name="environment">The process's environment.</param>
    /// <param name="overrides">Flags, each <c>section.key=value</c>.</param>
    /// <exception cref="ConfigException">With every mistake that was found.</exception>
    public static Settings Load(string? file, IReadOnlyDictionary<string, string> environment, IReadOnlyList<string> overrides)
    {
        var errors = new List<string>();
        var text = "";
        if (file is not null)
        {
            try
            {
                text = File.ReadAllText(file);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new ConfigException([$"{file}: cannot be read: {e.Message}"]);
            }
        }

        return Load(file ?? "", text, environment, overrides, errors);
    }

    /// <summary>The same from text, for tests.</summary>
    internal static Settings Load(string file, string text, IReadOnlyDictionary<string, string> environment, IReadOnlyList<string> overrides, List<string> errors)
    {
        var values = new Dictionary<ConfigKey, Setting>();
        foreach (var key in ConfigKeys.All) values[key] = new Setting(key, key.Default, ConfigValues.Parse(key, key.Default, out _), "default");

        foreach (var entry in IniParser.Parse(file, text, errors))
        {
            if (ConfigKeys.Find(entry.Section, entry.Name) is { } key) Set(values, key, entry.Value, $"{file}:{entry.Line}", errors);
            else if (IniParser.IsSection(entry.Section)) errors.Add($"{file}:{entry.Line}: {Unknown(entry.Section, entry.Name)}");
        }

        foreach (var (variable, value) in environment.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            var section = ConfigKeys.Sections.FirstOrDefault(s => variable.StartsWith($"DELOS_{s.Name}_", StringComparison.OrdinalIgnoreCase)).Name;
            if (section is null) continue;
            var name = variable[($"DELOS_{section}_".Length)..].ToLowerInvariant();
            if (ConfigKeys.Find(section, name) is { } key) Set(values, key, value.Trim(), $"environment {variable}", errors);
            else errors.Add($"environment {variable}: {Unknown(section, name)}");
        }

        foreach (var flag in overrides)
        {
            var equals = flag.IndexOf('=', StringComparison.Ordinal);
            var dot = flag.IndexOf('.', StringComparison.Ordinal);
            if (equals < 0 || dot <= 0 || dot > equals)
            {
                errors.Add($"--set {flag}: expected section.key=value");
                continue;
            }

            var (section, name) = (flag[..dot].Trim().ToLowerInvariant(), flag[(dot + 1)..equals].Trim().ToLowerInvariant());
            if (ConfigKeys.Find(section, name) is { } key) Set(values, key, flag[(equals + 1)..].Trim(), $"--set {section}.{name}", errors);
            else errors.Add($"--set {flag}: {Unknown(section, name)}");
        }

        return errors.Count == 0 ? new Settings(values) : throw new ConfigException(errors);
    }

    private static void Set(Dictionary<ConfigKey, Setting> values, ConfigKey key, string text, string source, List<string> errors)
    {
        var value = ConfigValues.Parse(key, text, out var error);
        if (error is null) values[key] = new Setting(key, text, value, source);
        else errors.Add($"{source}: {key.FullName}: {error}");
    }

    private static string Unknown(string section, string name)
    {
        var own = Nearest.Find(name, ConfigKeys.All.Where(k => k.Section == section).Select(k => k.Name));
        var nearest = own is not null ? $"{section}.{own}" : Nearest.Find($"{section}.{name}", ConfigKeys.All.Select(k => k.FullName));

        // The right name under the wrong section is the likeliest mistake of all.
        if (ConfigKeys.All.FirstOrDefault(k => k.Name == name) is { } elsewhere) nearest = elsewhere.FullName;
        return $"unknown key {section}.{name}{(nearest is null ? "" : $"; did you mean '{nearest}'?")}";
    }
}
