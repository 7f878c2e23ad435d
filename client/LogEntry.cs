using Delos.Protocol.Entries;

namespace Delos.Client;

/// <summary>One entry as a reader gets it.</summary>
/// <param name="Position">Where it is in the VirtualLog. Positions rise, but may skip.</param>
/// <param name="Payload">A copy that stays as it is for as long as it is held; small ones that came together share an array of a few kilobytes, and several followers of one handle may have the same.</param>
/// <param name="AppendId">Names the append that wrote it.</param>
/// <param name="Kind">Data, or Deleted if the handle shows those.</param>
public sealed record LogEntry(long Position, ReadOnlyMemory<byte> Payload, AppendId AppendId, EntryKind Kind);
