using Delos.Protocol.Entries;

namespace Delos.Client;

/// <summary>One entry as a reader gets it.</summary>
/// <param name="Position">Where it is in the VirtualLog. Positions rise, but may skip.</param>
/// <param name="Payload">A copy that belongs to the reader; small ones that came together share an array of a few kilobytes.</param>
/// <param name="AppendId">Names the append that wrote it.</param>
/// <param name="Kind">Data, or Deleted if the handle shows those.</param>
public sealed record LogEntry(long Position, ReadOnlyMemory<byte> Payload, AppendId AppendId, EntryKind Kind);
