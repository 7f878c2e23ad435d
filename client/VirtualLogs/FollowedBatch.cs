using Delos.Protocol.Identity;

namespace Delos.Client.VirtualLogs;

/// <summary>A batch of a follower, and where it is from. Immutable; several followers may have the same.</summary>
/// <param name="First">Every entry from here up to the batch's end is in it.</param>
/// <param name="Loglet">Which held them: the chain names another one when it was edited meanwhile.</param>
/// <param name="Bytes">Memory that it takes, about.</param>
/// <param name="Received">Time stamp.</param>
/// <param name="Batch">What the follower gets.</param>
internal sealed record FollowedBatch(long First, LogletId Loglet, int Bytes, long Received, LogBatch Batch)
{
    /// <summary>Of an entry and of a batch, beside the payload.</summary>
    private const int EntryBytes = 64, BatchBytes = 256;

    public FollowedBatch(long first, LogletId loglet, int payloadBytes, long received, IReadOnlyList<LogEntry> entries, long next)
        : this(first, loglet, BatchBytes + EntryBytes * entries.Count + payloadBytes, received, new LogBatch(entries, next))
    {
    }

    /// <summary>Where the log goes on.</summary>
    public long Next => Batch.Next;

    /// <summary>The part of it from that position on, which lies within it.</summary>
    public LogBatch From(long position) => position <= First ? Batch : new LogBatch([.. Batch.Entries.Where(e => e.Position >= position)], Next);
}
