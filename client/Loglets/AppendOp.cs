using Delos.Protocol.Blocks;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;

namespace Delos.Client.Loglets;

/// <summary>
/// One append on its way. Pooled by its owner, the log handle, which fills it, gives it to <see cref="ILoglet.Append"/> and must not touch it until
/// <see cref="OnCompleted"/>. The entry stays the owner's: it is encoded once and may be sent several times, also to a later segment.
/// </summary>
public abstract class AppendOp
{
    /// <summary>The appending client; the same for all ops of one Loglet object.</summary>
    public abstract AppendClient Client { get; }

    /// <summary>Counts the client's appends from 1. The append id is (client id, sequence).</summary>
    public ulong Sequence { get; set; }

    public AppendId Id => new(Client.ClientId, Sequence);

    /// <summary>The one encoded entry (EntryCodec). The owner holds the reference and releases it when the append is resolved; a Loglet that needs it longer takes its own.</summary>
    public RetainedPayload? Entry { get; set; }

    /// <summary>The stripe of a StripedLoglet to which it went: a resend must go to the same, whose sequencer alone recognises it.</summary>
    internal StripeRoute Route { get; set; }

    /// <summary>
    /// How it ended, exactly once per <see cref="ILoglet.Append"/>. Called in order, one at a time per Loglet object, without locks of the Loglet held, on any thread; must not block.
    /// </summary>
    /// <param name="status">
    /// Ok: durable on a majority at <paramref name="position"/>. Sealed, Deleted: the Loglet ends; it may be at <paramref name="position"/>, or, if that is -1, anywhere: resolve against the
    /// installed stop. Unavailable, WrongIncarnation: the sequencer is gone, outcome unknown. DiskFull, LimitExceeded, Malformed: refused, and so is every copy that may be on its way still; it is not in
    /// the Loglet. BelowFloor: it was resolved long ago, and this Loglet does not say how.
    /// </param>
    /// <param name="position">Position in the Loglet; -1 if none was named.</param>
    public abstract void OnCompleted(StatusCode status, long position);
}
