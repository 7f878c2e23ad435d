namespace Delos.Client.Loglets;

/// <summary>What checkTail and seal found.</summary>
/// <param name="Tail">
/// First unwritten position. If sealed: what this observer computed and repaired onto a majority; another may compute another one, and only the installed chain's stop
/// counts, so it is no bound for reads and is never shown to an application (traps 3, 4).
/// </param>
/// <param name="IsSealed">No append will succeed any more.</param>
public readonly record struct TailResult(long Tail, bool IsSealed);
