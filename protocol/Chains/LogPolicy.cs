namespace Delos.Protocol.Chains;

/// <summary>How new segments of a log are made, whoever makes them.</summary>
/// <param name="Replication">LogServers per Loglet (2f+1), 1 to 64.</param>
/// <param name="Kind">The Loglet implementation.</param>
/// <param name="Stripes">Stripes of a striped Loglet; 1 for others.</param>
public sealed record LogPolicy(int Replication, LogletKind Kind, int Stripes)
{
    public static LogPolicy Default { get; } = new(3, LogletKind.Native, 1);
}
