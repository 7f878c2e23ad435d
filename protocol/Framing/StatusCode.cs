namespace Delos.Protocol.Framing;

/// <summary>How a request ended. On the wire: values never change.</summary>
public enum StatusCode : ushort
{
    Ok = 0,

    // The Loglet
    /// <summary>The Loglet is sealed: fetch the chain again.</summary>
    Sealed = 1,
    /// <summary>The Loglet was deleted for good (its tombstone answers): fetch the chain again.</summary>
    Deleted = 2,
    /// <summary>This node knows nothing of that Loglet or register. Proves nothing about it.</summary>
    NotFound = 3,
    /// <summary>Another incarnation of the sequencer is named in the Loglet's config.</summary>
    WrongIncarnation = 4,
    /// <summary>A store beyond the accepted tail: resend from there.</summary>
    OutOfOrder = 5,
    /// <summary>The replica is not known here yet and the store did not carry its config: send it again with the config.</summary>
    NeedConfig = 6,
    /// <summary>The replica does not hold everything below the read's bound: ask another.</summary>
    Lagging = 7,
    /// <summary>The position is below the trim point.</summary>
    Trimmed = 8,
    /// <summary>The position is held, but its bytes are damaged here: ask another.</summary>
    Corrupt = 9,
    /// <summary>The append's sequence is below its client's floor: it was resolved long ago.</summary>
    BelowFloor = 10,
    /// <summary>The operation needs a sealed Loglet.</summary>
    NotSealed = 11,

    // The MetaStore
    /// <summary>The acceptor promised a higher ballot.</summary>
    Rejected = 20,
    /// <summary>The acceptor has accepted a later version of the register.</summary>
    Superseded = 21,

    // The node
    /// <summary>No room on the disk; nothing was stored.</summary>
    DiskFull = 30,
    /// <summary>The role met an I/O error and stops.</summary>
    IoError = 31,
    /// <summary>A limit (frame, entry, batch, in-flight bytes, connections) is exceeded.</summary>
    LimitExceeded = 32,
    /// <summary>The node does not have that role.</summary>
    NotServed = 33,
    /// <summary>The peer belongs to another cluster.</summary>
    WrongCluster = 34,
    /// <summary>No protocol version that both sides speak.</summary>
    UnsupportedVersion = 35,
    /// <summary>The frame or message makes no sense; the connection is closed.</summary>
    Malformed = 36,
    /// <summary>The node is shutting down or overloaded: try again.</summary>
    Unavailable = 37,
    /// <summary>An unexpected failure inside the node; its log says more.</summary>
    Internal = 38,
    /// <summary>Another node than the expected one answers at that address.</summary>
    WrongNode = 39,
}
