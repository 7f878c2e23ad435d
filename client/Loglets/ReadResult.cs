using Delos.Protocol.Blocks;
using Delos.Protocol.Framing;

namespace Delos.Client.Loglets;

/// <summary>One answered read. Dispose it (or release <see cref="Entries"/>) when the entries are not needed any more.</summary>
/// <param name="Status">Ok; Trimmed: <c>min</c> lies below <see cref="TrimPoint"/>; Deleted: fetch the chain again.</param>
/// <param name="First">Position of the first entry.</param>
/// <param name="Count">Entries, contiguous from <see cref="First"/>; 0: nothing in the range.</param>
/// <param name="Entries">The entries back to back, checksums verified (see <see cref="Protocol.Entries.EntryCodec"/> and <see cref="EntryCursor"/>); null if there are none. One reference, the receiver's.</param>
/// <param name="TrimPoint">First position not trimmed, as far as the replica knew.</param>
public readonly record struct ReadResult(StatusCode Status, long First, int Count, RetainedPayload? Entries, long TrimPoint) : IDisposable
{
    public void Dispose() => Entries?.Release();
}
