using Delos.Protocol.Blocks;
using Delos.Protocol.Framing;

namespace Delos.Client.Loglets;

/// <summary>Some entries of a subscription. Dispose it (or release <see cref="Entries"/>) when done with it.</summary>
/// <param name="Status">Ok: more may come. Sealed: no more will come before the chain has a stop. Trimmed: the next position lies below the trim point. Deleted: fetch the chain again.</param>
/// <param name="First">Position of the first entry; with Count 0 the next position that would come.</param>
/// <param name="Count">Entries, contiguous; 0 only announces the global tail, or an end.</param>
/// <param name="Entries">The entries back to back, checksums verified; null if there are none. One reference, the receiver's.</param>
/// <param name="GlobalTail">Highest global tail that the replica was told.</param>
public readonly record struct EntryBatch(StatusCode Status, long First, int Count, RetainedPayload? Entries, long GlobalTail) : IDisposable
{
    public void Dispose() => Entries?.Release();
}
