namespace Delos.Client.Loglets;

/// <summary>
/// One Loglet, as the VirtualLog uses it. Positions are the Loglet's own and start at 0. Thread-safe; one object serves one appending client.
/// </summary>
/// <remarks>
/// Conditions that the caller must act on come back as values (<see cref="TailResult.IsSealed"/>, a status); a <see cref="LogletException"/> is
/// thrown when the Loglet was deleted (fetch the chain again) or could not be reached within the configured time.
/// </remarks>
public interface ILoglet : ILogletReader, IAsyncDisposable
{
    /// <summary>
    /// Highest tail acknowledged to, or reported open to, this object: a valid bound for reads. Never a computed sealed tail (trap 3). Only grows.
    /// </summary>
    long KnownTail { get; }

    /// <summary>
    /// Takes an append into the send queue; <see cref="Flush"/> sends what is queued. The op completes through <see cref="AppendOp.OnCompleted"/>, which is never
    /// called from inside this method. A resend, after Unavailable, is the same op again. The ops of one client are sent in the order of these calls. All ops of one Loglet object have the same <see cref="AppendOp.Client"/>.
    /// </summary>
    void Append(AppendOp op);

    /// <summary>Sends what was appended since the last flush, as few frames as possible. May run completions of ops that cannot be sent.</summary>
    void Flush();

    /// <summary>
    /// The sequencer named in the config cannot be reached or is another incarnation by now: somebody should extend the chain. The appends that were waiting complete
    /// with <c>Unavailable</c> (outcome unknown). Raised once per loss, on any thread, without locks held. A later append tries again.
    /// </summary>
    event Action<ILoglet>? SequencerLost;

    /// <summary>
    /// The linearizable tail (DESIGN §3, checkTail): through the sequencer, else from the replicas by the five cases. When the Loglet turns out to be
    /// sealed, even on one replica, or case 5 reaches its bound, the seal is finished and the tail repaired onto a majority first (traps 10, 11).
    /// </summary>
    /// <exception cref="LogletException">Deleted; Unavailable: no majority answered in time.</exception>
    ValueTask<TailResult> CheckTailAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Waits until everything below <paramref name="upTo"/> is committed, with gap records where nothing was appended. For a StripedLoglet, of which this is a stripe. The tail, not linearizable, is at least
    /// <paramref name="upTo"/> unless sealed.
    /// </summary>
    /// <exception cref="LogletException">Unavailable: the sequencer cannot be reached, or is another process by now; Deleted. One that lives and waits for its LogServers is waited for.</exception>
    ValueTask<TailResult> FillAsync(long upTo, CancellationToken cancellationToken);

    /// <summary>Lets go of the entries below <paramref name="position"/>, which is clamped to <paramref name="bound"/> (rule 7).</summary>
    /// <param name="position">First position to keep.</param>
    /// <param name="bound">A tail acknowledged or reported open, or the stop of the installed chain.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The point achieved on a majority.</returns>
    ValueTask<long> TrimAsync(long position, long bound, CancellationToken cancellationToken);

    /// <summary>
    /// Seals a majority, finds the tail and repairs it onto a majority. Idempotent. The tail returned is this observer's: only the stop in the installed chain counts.
    /// </summary>
    ValueTask<TailResult> SealAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Entries as they become readable, from <paramref name="min"/> on. Survives the loss of replicas. Ends silently at <paramref name="max"/> or <paramref name="stop"/>;
    /// else with a batch whose <see cref="EntryBatch.Status"/> is not Ok: Sealed (no more before the chain has a stop), Trimmed, Deleted.
    /// </summary>
    /// <param name="min">First position wanted.</param>
    /// <param name="max">First position not wanted; <see cref="long.MaxValue"/>: no end.</param>
    /// <param name="stop">The segment's stop in the installed chain, as a position of this Loglet; null while it has none.</param>
    /// <param name="cancellationToken">Ends it.</param>
    IAsyncEnumerable<EntryBatch> SubscribeAsync(long min, long max, long? stop, CancellationToken cancellationToken);

    /// <summary>What each replica says of itself, for operators. Does not fail because replicas do.</summary>
    ValueTask<LogletDescription> DescribeAsync(CancellationToken cancellationToken);

    /// <summary>Deletes it on every replica that can be reached, for good. Only for a Loglet that left every installed chain or lost (DESIGN §3).</summary>
    /// <exception cref="LogletException">Unavailable: not even a majority has the tombstone; try again later.</exception>
    ValueTask DeleteAsync(CancellationToken cancellationToken);
}
