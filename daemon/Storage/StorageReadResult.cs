using Delos.Protocol.Blocks;

namespace Delos.Daemon.Storage;

/// <summary>How <see cref="SegmentLog.ReadEntries"/> ended.</summary>
public enum StorageReadStatus
{
    /// <summary>At least one entry, the first one at exactly the position asked for.</summary>
    Ok = 0,

    /// <summary>Not durably held here.</summary>
    NotHeld,

    /// <summary>Below the trim point.</summary>
    Trimmed,

    /// <summary>Held, but damaged here (DESIGN §3, LogServer rule 6): <see cref="StorageReadResult.UnknownFirst"/> and <see cref="StorageReadResult.UnknownEnd"/> say what to fetch from a peer.</summary>
    Corrupt,

    /// <summary>The disk could not be read; <see cref="StorageReadResult.Error"/> says why. Another replica may answer.</summary>
    Failed,
}

/// <summary>What <see cref="SegmentLog.ReadEntries"/> found.</summary>
public readonly record struct StorageReadResult
{
    /// <summary>Whole entries back to back; the receiver owns one reference. Null unless <see cref="StorageReadStatus.Ok"/>.</summary>
    public RetainedPayload? Payload { get; init; }

    /// <summary>Entries in <see cref="Payload"/>.</summary>
    public int Count { get; init; }

    /// <summary>First damaged position.</summary>
    public long UnknownFirst { get; init; }

    /// <summary>The position after the last damaged one; <see cref="long.MaxValue"/> when the disk cannot tell.</summary>
    public long UnknownEnd { get; init; }

    public Exception? Error { get; init; }
}
