namespace Delos.Daemon.Configuration;

/// <summary>One line of the configuration table: everything that parsing, environment, flags, <c>config show</c> and the sample file know of a key.</summary>
/// <param name="Section">Section of the file, without brackets.</param>
/// <param name="Name">Key within the section.</param>
/// <param name="Kind">How its text is read.</param>
/// <param name="Default">Text that is used when nobody gives the key.</param>
/// <param name="Doc">What it means, as the sample file says it.</param>
internal sealed record ConfigKey(string Section, string Name, ConfigKind Kind, string Default, string Doc)
{
    /// <summary>Lowest number, bytes or microseconds accepted.</summary>
    public long Minimum { get; init; }

    /// <summary>Highest number, bytes or microseconds accepted.</summary>
    public long Maximum { get; init; } = long.MaxValue;

    public IReadOnlyList<string> Choices { get; init; } = [];

    /// <summary>A node cannot run without it.</summary>
    public bool Required { get; init; }

    public string FullName => $"{Section}.{Name}";

    /// <summary>The environment variable that overrides the file.</summary>
    public string Variable => $"DELOS_{Section}_{Name}".ToUpperInvariant();
}
