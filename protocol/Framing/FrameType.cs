namespace Delos.Protocol.Framing;

/// <summary>What a frame says. On the wire: values never change. A reply has its request's correlation id and <see cref="FrameFlags.Reply"/>.</summary>
public enum FrameType : byte
{
    None = 0,

    // Every connection
    Hello = 1,
    HelloReply = 2,
    Error = 3,
    Ping = 4,
    Pong = 5,

    // Client → sequencer. A Fill is answered by a CheckTailReply.
    Append = 10,
    AppendReply = 11,
    CheckTail = 12,
    CheckTailReply = 13,
    OpenLoglet = 14,
    OpenLogletReply = 15,
    Fill = 16,

    // Sequencer ↔ LogServer
    Store = 20,
    StoreAck = 21,
    GlobalTail = 22,
    Confirm = 23,
    ConfirmReply = 24,

    // Client, reconfigurer, peer → LogServer
    Status = 30,
    StatusReply = 31,
    Seal = 32,
    SealReply = 33,
    Read = 34,
    ReadReply = 35,
    Subscribe = 36,
    Entries = 37,
    Credit = 38,
    Unsubscribe = 39,
    Trim = 40,
    TrimReply = 41,
    Repair = 42,
    RepairReply = 43,
    DeleteLoglet = 44,
    DeleteLogletReply = 45,

    // Anybody → MetaStore
    MetaPrepare = 50,
    MetaPrepareReply = 51,
    MetaAccept = 52,
    MetaAcceptReply = 53,
    MetaRead = 54,
    MetaReadReply = 55,
    MetaList = 56,
    MetaListReply = 57,

    // Operators
    NodeStatus = 60,
    NodeStatusReply = 61,

    // Client → table node. A release is not answered.
    TableRead = 70,
    TableReadReply = 71,
    TablePropose = 72,
    TableProposeReply = 73,
    TableOpenSession = 74,
    TableOpenSessionReply = 75,
    TableRelease = 76,

    // Replica of a state machine → node that keeps snapshots. Both are answered by SnapshotBytes.
    SnapshotList = 77,
    SnapshotRead = 78,
    SnapshotBytes = 79,

    // Operator → node that keeps snapshots
    SnapshotWrite = 80,
    SnapshotWritten = 81,
}
