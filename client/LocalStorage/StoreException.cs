using Delos.Runtime;

namespace Delos.LocalStorage;

/// <summary>A local store could not do what was asked: the disk, or what is on it, is at fault. What it holds is not worse than before, but a commit that failed is not in it.</summary>
/// <param name="operation">What was tried, and on what.</param>
/// <param name="reason">What the storage engine said, in its own words.</param>
public sealed class StoreException(string operation, string reason) : LocalStoreException($"{operation}: {reason}")
{
    /// <summary>What the storage engine said, in its own words.</summary>
    public string Reason { get; } = reason;

    /// <summary>Bytes on the disk are not what was written: only another copy of the state helps.</summary>
    public bool IsCorruption => Reason.StartsWith("Corruption:", StringComparison.Ordinal);

    /// <summary>The disk is full; trying again when there is room may succeed.</summary>
    public bool IsNoSpace => Reason.Contains("No space left on device", StringComparison.Ordinal);
}
