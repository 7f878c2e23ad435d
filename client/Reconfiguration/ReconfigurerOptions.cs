namespace Delos.Client.Reconfiguration;

/// <summary>Settings of a reconfigurer.</summary>
public sealed record ReconfigurerOptions
{
    public static ReconfigurerOptions Default { get; } = new();

    /// <summary>Node id noted in the chain's history; 0: a client.</summary>
    public uint By { get; init; }

    /// <summary>Candidates tried before giving up, if their sequencers do not open them.</summary>
    public int MaxCandidates { get; init; } = 3;

    /// <summary>How long a candidate's sequencer has to open it.</summary>
    public TimeSpan OpenTimeout { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a write with unknown outcome is read back.</summary>
    public TimeSpan ReadBackTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a Loglet that left the chain is kept for readers of the old chain.</summary>
    public TimeSpan DeleteGrace { get; init; } = TimeSpan.FromSeconds(5);
}
