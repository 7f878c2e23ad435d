namespace Delos.Protocol.Chains;

/// <summary>What a chain version did. Persisted: values never change.</summary>
public enum ChainEditKind : byte
{
    Create = 1,
    Extend = 2,
    Truncate = 3,
    Modify = 4,
}

/// <summary>One line of a chain's history, for operators; nothing but <paramref name="InstallId"/> decides anything.</summary>
/// <param name="Version">The version that it made.</param>
/// <param name="Kind">What it did.</param>
/// <param name="By">Node id that proposed it; 0 for a client.</param>
/// <param name="UnixMilliseconds">By the proposer's clock: information only.</param>
/// <param name="Reason">In words.</param>
/// <param name="InstallId">Of the segment that it installed, which the chain may have dropped since; else empty.</param>
public sealed record ChainEdit(ulong Version, ChainEditKind Kind, uint By, long UnixMilliseconds, string Reason, Guid InstallId = default);
