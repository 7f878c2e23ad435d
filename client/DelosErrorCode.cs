namespace Delos.Client;

/// <summary>Why an operation failed, for programs. Values never change.</summary>
public enum DelosErrorCode
{
    /// <summary>An unexpected failure inside the library or a node.</summary>
    Internal = 0,

    /// <summary>No node, or no majority of the nodes needed, could be reached in time.</summary>
    Unavailable = 1,

    /// <summary>No such log, segment, node or Loglet.</summary>
    NotFound = 2,

    /// <summary>The log exists already.</summary>
    AlreadyExists = 3,

    /// <summary>Somebody else changed the chain or the node list first; nothing was done.</summary>
    Conflict = 4,

    /// <summary>The position lies below the trim point.</summary>
    Trimmed = 5,

    /// <summary>The append may or may not be in the log: the range that could tell has been trimmed, or the handle was closed before it was resolved.</summary>
    OutcomeUnknown = 6,

    /// <summary>An entry, name or request is larger than a limit allows.</summary>
    LimitExceeded = 7,

    /// <summary>The disks of a majority are full: appends are refused, reads go on.</summary>
    DiskFull = 8,

    /// <summary>The bytes at the position are damaged on every replica that answered.</summary>
    Corrupt = 9,

    /// <summary>The client or the log handle was disposed.</summary>
    Closed = 10,

    /// <summary>The peer belongs to another cluster.</summary>
    WrongCluster = 11,

    /// <summary>Peer and library speak no common version, or a message made no sense.</summary>
    Protocol = 12,

    /// <summary>The request makes no sense in the present state: for instance modifying the active segment.</summary>
    InvalidRequest = 13,
}
