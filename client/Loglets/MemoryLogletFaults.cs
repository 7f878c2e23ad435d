namespace Delos.Client.Loglets;

/// <summary>What a <see cref="MemoryLoglet"/> is to get wrong, for tests. Set before use; called under the Loglet's lock, so the functions must not call back into it.</summary>
public sealed class MemoryLogletFaults
{
    /// <summary>Asked for every append that arrives; none: <see cref="MemoryAppendFault.None"/>.</summary>
    public Func<AppendOp, MemoryAppendFault>? OnAppend { get; set; }

    /// <summary>Asked for every read, with its first position: an exception that it fails with. None: null.</summary>
    public Func<long, LogletException?>? OnRead { get; set; }

    /// <summary>
    /// Chooses the tail that one observer of the sealed Loglet computes: anything in [committed, assigned]. Two observers may get different ones, as with real
    /// replicas. None: always all that was assigned.
    /// </summary>
    public Func<long, long, long>? SealedTail { get; set; }
}

/// <summary>The fate of one append in a <see cref="MemoryLoglet"/>.</summary>
public enum MemoryAppendFault
{
    /// <summary>Appended and acknowledged.</summary>
    None,

    /// <summary>Never arrives; the op completes with Unavailable.</summary>
    LoseRequest,

    /// <summary>Appended, but the op completes with Unavailable.</summary>
    LoseAnswer,

    /// <summary>
    /// Gets a position but is not committed; neither is anything behind it. It is acknowledged by <see cref="MemoryLogletFactory.CommitHeld"/>, or told that position with Sealed.
    /// </summary>
    Hold,
}
