namespace Delos.Tests.Simulation;

/// <summary>One rule that the simulated shells leave out; the run has to notice it.</summary>
internal enum SimMutant
{
    None,

    /// <summary>Trap 1: a duplicate of a stored entry is acknowledged by a sealed replica that repair has filled.
    /// NOT caught by seeds 1 to 600: it takes two observers with different tails and a lost "sealed", which the faults do not yet bring about. No test claims it.</summary>
    LateAcknowledgement,

    /// <summary>Trap 2: the seal is answered before the stores in front of it are durable.</summary>
    SealOvertakes,

    /// <summary>Trap 4: checkTail hands out the tail of a sealed segment.</summary>
    SealedTailLeaks,

    /// <summary>Trap 5: the sequencer answers checkTail from memory.</summary>
    StaleFastTail,

    /// <summary>Trap 7: a restarted node sequences old Loglets from position 0.</summary>
    RestartedSequencer,

    /// <summary>Trap 8: an emptied disk comes back under its old identity.</summary>
    WipedDisk,

    /// <summary>Trap 9: absence is concluded from a segment that has no stop.</summary>
    AbsenceWithoutStop,

    /// <summary>Trap 10: the highest tail of a sealed majority is installed without repairing it onto one.</summary>
    NoRepair,

    /// <summary>Trap 12: nobody rolls a sealed segment forward.</summary>
    NoRollForward,

    /// <summary>Trap 13: the roll-forward keeps the old Loglet.</summary>
    ReusedLoglet,

    /// <summary>Trap 17: what a sealed segment gave back is appended again without looking.</summary>
    BlindRetry,

    /// <summary>Trap 25, its effect only: a store is acknowledged before it is durable.</summary>
    AcknowledgedUnsynced,
}
