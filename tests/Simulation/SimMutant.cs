namespace Delos.Tests.Simulation;

/// <summary>One rule that the simulated shells leave out; the run has to notice it.</summary>
internal enum SimMutant
{
    None,

    /// <summary>Trap 1: a duplicate of a stored entry is acknowledged by a sealed replica that repair has filled.</summary>
    LateAcknowledgement,

    /// <summary>Trap 2: the seal is answered before the stores in front of it are durable.</summary>
    SealOvertakes,

    /// <summary>Trap 3: repair copies raise the global tail that the replica knows.</summary>
    RepairRaisesTail,

    /// <summary>Trap 4: checkTail hands out the tail of a sealed segment.</summary>
    SealedTailLeaks,

    /// <summary>Trap 5: the sequencer answers checkTail from memory.</summary>
    StaleFastTail,

    /// <summary>Trap 6: a store behind a hole is taken and acknowledged.</summary>
    PipelinedHole,

    /// <summary>Trap 7: a restarted node sequences old Loglets from position 0.</summary>
    RestartedSequencer,

    /// <summary>Trap 8: an emptied disk comes back under its old identity.</summary>
    WipedDisk,

    /// <summary>Trap 9: absence is concluded from a segment that has no stop.</summary>
    AbsenceWithoutStop,

    /// <summary>Trap 10: the highest tail of a sealed majority is installed without repairing it onto one.</summary>
    NoRepair,

    /// <summary>Trap 11: case 5 has no bound.</summary>
    EndlessCaseFive,

    /// <summary>Trap 12: nobody rolls a sealed segment forward.</summary>
    NoRollForward,

    /// <summary>Trap 13: the roll-forward keeps the old Loglet.</summary>
    ReusedLoglet,

    /// <summary>Trap 14: an extension is not conditional on the segment.</summary>
    DuellingExtenders,

    /// <summary>Trap 15: a conditional write without an answer counts as lost, and its candidate is deleted.</summary>
    TimedOutWriteLost,

    /// <summary>Trap 16: a chain is what one MetaStore node says.</summary>
    SingleAcceptor,

    /// <summary>Trap 17: what a sealed segment gave back is appended again without looking.</summary>
    BlindRetry,

    /// <summary>Trap 18: a trim is bounded by nothing but its own position.</summary>
    UnboundedTrim,

    /// <summary>Trap 19: only stores carry the global tail.</summary>
    UnannouncedTail,

    /// <summary>Trap 20: a request for the tail joins the round that is out.</summary>
    JoinedRound,

    /// <summary>Trap 22: a modified segment takes all that its source holds.</summary>
    CopyBeyondStop,

    /// <summary>Trap 23: an append is acknowledged when its own stripe has committed it.</summary>
    StripeAcknowledgedEarly,

    /// <summary>Trap 23: of a striped Loglet one stripe is sealed; the others are merely asked for their tails.</summary>
    OneStripeSealed,

    /// <summary>Trap 23: the stripes' tails are taken before all of them are sealed.</summary>
    StripeTailsBeforeSeal,

    /// <summary>Traps 17 and 23: an append that is sent again goes to whatever stripe is next.</summary>
    ResentToAnotherStripe,

    /// <summary>Trap 23: a follower is shown what its stripe has committed, whatever is missing below.</summary>
    ReadBeyondStripedTail,

    /// <summary>Trap 23: who follows from a position beyond the tail is shown what its stripe has committed there.</summary>
    FollowedFromBeyondTail,

    /// <summary>Trap 23: nobody fills an idle stripe.</summary>
    NoFill,

    /// <summary>Trap 25, its effect only: a store is acknowledged before it is durable.</summary>
    AcknowledgedUnsynced,

    /// <summary>Trap 25: a failed sync counts as a good one.</summary>
    SwallowedSyncError,

    /// <summary>Trap 26: a start cuts the log at a damaged record.</summary>
    MiddleTakenForTorn,

    /// <summary>MetaStore, no trap: an acceptor answers before its state is durable.</summary>
    UnsyncedPromise,

    /// <summary>LogServer rule 5, no trap: laggards are left as they are.</summary>
    NoRefill,

    /// <summary>Trap 21: replicas do not compare the checksums of their states.</summary>
    UncomparedChecksums,

    /// <summary>Trap 24: the log is trimmed as far as the replicas have durably applied it, whatever snapshots there are.</summary>
    TrimPastSnapshots,

    /// <summary>Runtime, no trap: a linearizable read shows what the replica has.</summary>
    ReadWithoutTail,

    /// <summary>Runtime, no trap: a replica applies two neighbours in the wrong order.</summary>
    AppliedOutOfOrder,

    /// <summary>Runtime, no trap: the cursor is committed after the effects, not with them.</summary>
    CursorApart,
}
