using Delos.Protocol.Chains;

namespace Delos.Client;

/// <summary>How one log is opened.</summary>
public sealed record LogOptions
{
    public static LogOptions Default { get; } = new();

    /// <summary>Create the log at its first use if the MetaStore has none of that name. True unless set.</summary>
    public bool CreateIfMissing { get; init; } = true;

    /// <summary>Policy of a log created so. An existing log keeps its own.</summary>
    public LogPolicy Policy { get; init; } = LogPolicy.Default;

    /// <summary>Show entries that an operator deleted, with an empty payload and kind Deleted, instead of skipping them.</summary>
    public bool ShowDeleted { get; init; }
}
