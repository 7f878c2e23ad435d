using Delos.Protocol.Chains;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;
using Delos.Protocol.Tables;

namespace Delos.Tests.Messages;

/// <summary>Values that stand on disks and on the wire. A change here is a change of format: add, never renumber.</summary>
public sealed class GoldenEnums
{
    [TestCase(typeof(EntryKind), "Data=0 Gap=1 Deleted=2")]
    [TestCase(typeof(LogletKind), "Native=1 Striped=2 Memory=3")]
    [TestCase(typeof(ChainEditKind), "Create=1 Extend=2 Truncate=3 Modify=4")]
    [TestCase(typeof(NodeRoles), "None=0 Sequencer=1 LogServer=2 MetaStore=4 Table=8")]
    [TestCase(typeof(FrameFlags), "None=0 Reply=1 WantsTail=2")]
    [TestCase(typeof(TableReadKind), "Linearizable=0 Stale=1 After=2 Within=3")]
    [TestCase(typeof(TableHold), "None=0 Pages=1 Always=2")]
    [TestCase(typeof(ProposeOutcome), "Applied=0 NotApplied=1 Unknown=2 SessionExpired=3 AlreadyAnswered=4 TooManyUnanswered=5")]
    [TestCase(typeof(StatusCode), "Ok=0 Sealed=1 Deleted=2 NotFound=3 WrongIncarnation=4 OutOfOrder=5 NeedConfig=6 Lagging=7 Trimmed=8 Corrupt=9 BelowFloor=10 NotSealed=11 Rejected=20 Superseded=21 DiskFull=30 IoError=31 LimitExceeded=32 NotServed=33 WrongCluster=34 UnsupportedVersion=35 Malformed=36 Unavailable=37 Internal=38 WrongNode=39")]
    [TestCase(typeof(FrameType), "None=0 Hello=1 HelloReply=2 Error=3 Ping=4 Pong=5 Append=10 AppendReply=11 CheckTail=12 CheckTailReply=13 OpenLoglet=14 OpenLogletReply=15 Fill=16 Store=20 StoreAck=21 GlobalTail=22 Confirm=23 ConfirmReply=24 Status=30 StatusReply=31 Seal=32 SealReply=33 Read=34 ReadReply=35 Subscribe=36 Entries=37 Credit=38 Unsubscribe=39 Trim=40 TrimReply=41 Repair=42 RepairReply=43 DeleteLoglet=44 DeleteLogletReply=45 MetaPrepare=50 MetaPrepareReply=51 MetaAccept=52 MetaAcceptReply=53 MetaRead=54 MetaReadReply=55 MetaList=56 MetaListReply=57 NodeStatus=60 NodeStatusReply=61 TableRead=70 TableReadReply=71 TablePropose=72 TableProposeReply=73 TableOpenSession=74 TableOpenSessionReply=75 TableRelease=76 SnapshotList=77 SnapshotRead=78 SnapshotBytes=79 SnapshotWrite=80 SnapshotWritten=81")]
    public void An_enum_that_is_persisted_has_these_values(Type type, string expected)
    {
        var actual = string.Join(' ', Enum.GetValues(type).Cast<Enum>().Select(v => $"{v}={Convert.ToInt64(v, null)}"));
        Assert.That(actual, Is.EqualTo(expected));
    }
}
