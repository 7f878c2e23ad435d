using Delos.Protocol.Chains;

namespace Delos.Client.VirtualLogs;

/// <summary>Where one append stands.</summary>
internal enum AppendState
{
    /// <summary>In no segment: never sent, or found to be absent from every segment that it was sent to. May go to the active segment.</summary>
    Ready,

    /// <summary>Handed to a Loglet, which has not given it back.</summary>
    Sent,

    /// <summary>Given back with its outcome unknown. May be resent to the same Loglet, or resolved against the stop of its segment; nothing else.</summary>
    Parked,

    /// <summary>In the log, at <see cref="AppendLifecycle.Position"/>.</summary>
    Done,

    /// <summary>Not in the log and never will be, or its outcome cannot be told any more; see <see cref="AppendLifecycle.Failure"/>.</summary>
    Failed,
}

/// <summary>
/// The exactly-once rules for one append (DESIGN §3; model exactly_once.pml), without any input or output. Not thread-safe: its owner serialises.
/// </summary>
internal sealed class AppendLifecycle
{
    /// <summary>The append's sequence; with the handle's client id it is the append id.</summary>
    public ulong Sequence { get; private set; }

    public AppendState State { get; private set; }

    /// <summary>The segment that it was last sent to, as the chain had it then; null while Ready.</summary>
    public Segment? Segment { get; private set; }

    /// <summary>Loglet position to scan from: the Loglet's known tail as noted before the first send to this segment was handed to a connection. Resends keep it.</summary>
    public long ScanStart { get; private set; }

    /// <summary>Loglet position that the sequencer said it had assigned; -1 if it did not say.</summary>
    public long NamedPosition { get; private set; }

    /// <summary>Position in the VirtualLog, once Done.</summary>
    public long Position { get; private set; }

    /// <summary>Why, once Failed.</summary>
    public DelosErrorCode Failure { get; private set; }

    public bool IsOver => State is AppendState.Done or AppendState.Failed;

    public void Begin(ulong sequence)
    {
        Sequence = sequence;
        State = AppendState.Ready;
        Segment = null;
        ScanStart = 0;
        NamedPosition = -1;
        Position = -1;
        Failure = default;
    }

    /// <summary>
    /// Call before the append is handed to the Loglet of <paramref name="segment"/>.
    /// </summary>
    /// <param name="segment">Active in an installed chain.</param>
    /// <param name="knownTail">The Loglet's known tail, read before the hand-over. (Mutants SCAN_AFTER, SCAN_LAST.)</param>
    public void OnSend(Segment segment, long knownTail)
    {
        switch (State)
        {
            case AppendState.Ready:
                Segment = segment;
                ScanStart = knownTail;
                NamedPosition = -1;
                break;
            case AppendState.Parked when Segment!.InstallId == segment.InstallId:
                // A resend: the sequencer knows it by its id. The scan still has to begin where the first copy may be.
                break;
            default:
                // Parked elsewhere: it may be in that segment, and a second copy here would be a second entry (trap 17).
                throw new InvalidOperationException($"Append {Sequence} is {State} in another segment.");
        }

        State = AppendState.Sent;
    }

    /// <summary>The Loglet acknowledged it.</summary>
    public void OnAcknowledged(long logletPosition)
    {
        Expect(AppendState.Sent);
        Finish(logletPosition);
    }

    /// <summary>The Loglet gave it back: sealed, or the sequencer is gone. That says nothing about whether it is in (mutant SEALED_IS_NO).</summary>
    /// <param name="namedPosition">What the sequencer had assigned; -1: it did not say.</param>
    public void OnGivenBack(long namedPosition)
    {
        Expect(AppendState.Sent);
        if (namedPosition >= 0) NamedPosition = namedPosition;
        State = AppendState.Parked;
    }

    /// <summary>The sequencer refused to order it, for a reason that is no seal: it has no position, nor has any copy of it.</summary>
    public void OnRefused(DelosErrorCode reason)
    {
        Expect(AppendState.Sent);
        Fail(reason);
    }

    /// <summary>Ends an append that is in no segment.</summary>
    public void OnAbandoned(DelosErrorCode reason)
    {
        Expect(AppendState.Ready);
        Fail(reason);
    }

    /// <summary>The handle closes while the outcome is unknown.</summary>
    public void OnClosed() => Fail(State == AppendState.Ready ? DelosErrorCode.Closed : DelosErrorCode.OutcomeUnknown);

    /// <summary>Resolved: the installed segment holds it at this Loglet position.</summary>
    public void OnFound(long logletPosition)
    {
        Expect(AppendState.Parked);
        Finish(logletPosition);
    }

    /// <summary>Resolved: the installed segment does not hold it, and never will.</summary>
    public void OnAbsent()
    {
        Expect(AppendState.Parked);
        Segment = null;
        NamedPosition = -1;
        State = AppendState.Ready;
    }

    /// <summary>The range that could tell has been trimmed.</summary>
    public void OnTrimmed()
    {
        Expect(AppendState.Parked);
        Fail(DelosErrorCode.OutcomeUnknown);
    }

    private void Finish(long logletPosition)
    {
        Position = Segment!.Start + logletPosition;
        State = AppendState.Done;
    }

    private void Fail(DelosErrorCode reason)
    {
        Failure = reason;
        State = AppendState.Failed;
    }

    private void Expect(AppendState state)
    {
        if (State != state) throw new InvalidOperationException($"Append {Sequence} is {State}, not {state}.");
    }
}
