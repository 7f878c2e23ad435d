namespace Delos.Daemon.Configuration;

/// <summary>The configuration cannot be used. Every mistake found is listed, each with the place where it stands.</summary>
internal sealed class ConfigException(IReadOnlyList<string> errors) : Exception(string.Join(Environment.NewLine, errors))
{
    public IReadOnlyList<string> Errors { get; } = errors;
}
