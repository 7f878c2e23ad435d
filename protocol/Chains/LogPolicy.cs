namespace Delos.Protocol.Chains;

/// <summary>How new segments of a log are made, whoever makes them.</summary>
/// <param name="Replication">LogServers per Loglet (2f+1), 1 to 64; of a sharded one, per stripe.</param>
/// <param name="Kind">The Loglet implementation.</param>
/// <param name="Stripes">Stripes of a striped Loglet; 1 for others.</param>
/// <param name="Sharded">Every stripe of a striped Loglet has LogServers of its own. Else all share the same, and only their sequencers differ.</param>
public sealed record LogPolicy(int Replication, LogletKind Kind, int Stripes, bool Sharded = false)
{
    public static LogPolicy Default { get; } = Native(3);

    public static LogPolicy Native(int replication) => new(replication, LogletKind.Native, 1);

    public static LogPolicy Striped(int replication, int stripes, bool sharded = false) => new(replication, LogletKind.Striped, stripes, sharded);

    /// <summary>LogServers that a Loglet by this policy needs.</summary>
    public int LogServers => Sharded ? Replication * Stripes : Replication;

    /// <summary>What is wrong with it, in words; null if nothing is.</summary>
    public string? Problem => this switch
    {
        { Replication: < 1 or > LogletConfig.MaxReplicas } => $"replication is 1 to {LogletConfig.MaxReplicas}",
        { Kind: LogletKind.Striped, Stripes: < 1 or > LogletConfig.MaxStripes } => $"stripes are 1 to {LogletConfig.MaxStripes}",
        { Kind: not LogletKind.Striped, Stripes: not 1 } => $"only a striped Loglet has more than one stripe",
        { Kind: not LogletKind.Striped, Sharded: true } => "only a striped Loglet is sharded",
        _ => null,
    };
}
