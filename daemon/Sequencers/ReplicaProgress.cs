namespace Delos.Daemon.Sequencers;

/// <summary>What the sequencer knows of one replica.</summary>
public sealed class ReplicaProgress
{
    public bool IsConnected { get; internal set; }

    /// <summary>It acknowledged something: it exists.</summary>
    public bool Exists { get; internal set; }

    /// <summary>It answered that it is sealed or deleted. What it had acknowledged stays; nothing that comes later counts (trap 1).</summary>
    public bool IsSealed { get; internal set; }

    /// <summary>It durably held everything below, before any seal. Never lowered.</summary>
    public long AckedTail { get; internal set; }

    /// <summary>It lacks entries that the window no longer has: it refills itself from its peers and is sent no stores meanwhile.</summary>
    public bool IsLagging { get; internal set; }

    /// <summary>It reported a full disk and has not taken a store since. A laggard stays full until it has caught up: that its refill found room for a few entries says nothing of the next.</summary>
    public bool IsDiskFull { get; internal set; }

    // Refused for a passing reason: only single stores are tried until one is taken.
    internal bool IsBlocked;
    internal long BlockedAt;
    internal long RetryAt;

    internal bool NeedsConfig;

    // Number of the next batch to send, and of the first that is not wholly acknowledged.
    internal long NextBatch;
    internal long AckedBatch;

    // The last place that was resent upon a refusal; refusals of what was still in flight then name the same place.
    internal bool HasRewound;
    internal bool RewindAgain;
    internal long RewoundTo;
    internal long RewoundAt;

    internal long ToldTail;

    // Readers at the replica wait for the global tail.
    internal bool WantsTail;
    internal long ProgressAt;
    // When it was last within reach; at first, when the Loglet was opened.
    internal long LostAt;

    internal bool CanStore => IsConnected && !IsSealed && !IsLagging && !IsBlocked;
}
