using Delos.Protocol.Identity;

namespace Delos.Daemon.Storage;

/// <summary>Is told what recovery found in a log, in the order in which it was written. All of it is durable by then.</summary>
public interface ISegmentLogVisitor
{
    /// <summary>An intact record. The payload is given for kinds other than entries (those are read by <see cref="SegmentLog.ReadEntries"/>), and is valid during the call only.</summary>
    void OnRecord(SegmentLog log, in RecordHeader header, ReadOnlySpan<byte> payload, long address);

    /// <summary>
    /// Positions that the log durably held, and whose bytes are damaged: they count as held (never lower the tail) and are to be fetched from a peer and
    /// appended as <see cref="RecordKind.RepairEntries"/>. <paramref name="endExclusive"/> is <see cref="long.MaxValue"/> when damage hides the log's end:
    /// then this replica must not state a tail before it has been repaired. Called after all records.
    /// </summary>
    void OnUnknownRange(SegmentLog log, LogletId loglet, long first, long endExclusive);

    /// <summary>
    /// Damage that may have hidden control records (a seal among them). Safe answer of the owner: take the log's Loglets for sealed, which is always allowed. Called after all records.
    /// </summary>
    void OnDamage(SegmentLog log, string file, long offset, long length);
}
