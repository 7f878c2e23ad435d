using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;
using Delos.Protocol.Tables;

namespace Delos.Tests.Messages;

/// <summary>The bytes of every message, fixed: a peer of another version reads them. docs/protocol.md describes them.</summary>
public sealed class GoldenMessages
{
    private static readonly LogletId s_loglet = new(0x0f0e0d0c0b0a0908, 0x0706050403020100);
    private static readonly LogletConfig s_config = LogletConfig.Native(
        s_loglet, 2, 0x1122334455667788, [new ReplicaId(7, new Guid("00112233-4455-6677-8899-aabbccddeeff"))]);

    private static readonly byte[] s_bytes = [10, 11, 12];

    [TestCaseSource(nameof(Cases))]
    public void A_message_has_these_bytes(IGoldenCase golden) => golden.Check();

    [TestCaseSource(nameof(Cases))]
    public void A_truncated_or_prolonged_message_is_refused(IGoldenCase golden) => golden.CheckLengths();

    [Test]
    public void Every_frame_type_has_a_golden_message()
    {
        var covered = Cases().Select(c => c.Type).ToHashSet();
        var handshake = new[] { FrameType.None, FrameType.Hello, FrameType.HelloReply, FrameType.Error, FrameType.Ping, FrameType.Pong };
        Assert.That(Enum.GetValues<FrameType>().Except(covered).Except(handshake), Is.Empty);
    }

    public static IEnumerable<IGoldenCase> Cases()
    {
        yield return Golden(new Append(s_loglet, 0x202020202020202, 0x303030303030303, 0x404040404040404, 0x1020305), 10, "000102030405060708090a0b0c0d0e0f02020202020202020303030303030303040404040404040405030201");
        yield return Golden(new AppendReply(s_loglet, 0x202020202020202, StatusCode.Trimmed, 0x404040404040404, 0x1020305, -1, 0x102030405060707), 11, "000102030405060708090a0b0c0d0e0f02020202020202020800040404040404040405030201ffffffffffffffff0707060504030201");
        yield return Golden(new CheckTail(s_loglet, 0x202020202020202), 12, "000102030405060708090a0b0c0d0e0f0202020202020202");
        yield return Golden(new CheckTailReply(StatusCode.Trimmed, 0x102030405060702), 13, "08000207060504030201");
        yield return Golden(new OpenLoglet(s_config), 14, "000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f01020000008877665544332211010000000700000033221100554477668899aabbccddeeff00000000");
        yield return Golden(new OpenLogletReply(StatusCode.Trimmed), 15, "0800");
        yield return Golden(new Fill(s_loglet, 0x202020202020202, 0x102030405060702), 16, "000102030405060708090a0b0c0d0e0f02020202020202020207060504030201");
        yield return Golden(new Store(s_loglet, 0x202020202020202, 0x102030405060703, 0x1020304, 0x102030405060705, s_config), 20, "000102030405060708090a0b0c0d0e0f0202020202020202030706050403020104030201050706050403020101000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f01020000008877665544332211010000000700000033221100554477668899aabbccddeeff00000000");
        yield return Golden(new StoreAck(s_loglet, 0x202020202020202, StatusCode.Trimmed, 0x102030405060704, 0x102030405060705), 21, "000102030405060708090a0b0c0d0e0f0202020202020202080004070605040302010507060504030201");
        yield return Golden(new GlobalTail(s_loglet, 0x202020202020202, 0x102030405060703), 22, "000102030405060708090a0b0c0d0e0f02020202020202020307060504030201");
        yield return Golden(new Confirm(s_loglet, 0x202020202020202, 0x303030303030303), 23, "000102030405060708090a0b0c0d0e0f02020202020202020303030303030303");
        yield return Golden(new ConfirmReply(s_loglet, 0x202020202020202, 0x303030303030303, StatusCode.Trimmed, 0x102030405060705), 24, "000102030405060708090a0b0c0d0e0f0202020202020202030303030303030308000507060504030201");
        yield return Golden(new Status(s_loglet), 30, "000102030405060708090a0b0c0d0e0f");
        yield return Golden(new StatusReply(StatusCode.Trimmed, 0x202020202020202, true, 0x102030405060704, 0x102030405060705, 0x102030405060706, true), 31, "080002020202020202020104070605040302010507060504030201060706050403020101");
        yield return Golden(new Seal(s_config), 32, "000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f01020000008877665544332211010000000700000033221100554477668899aabbccddeeff00000000");
        yield return Golden(new SealReply(StatusCode.Trimmed, 0x102030405060702, 0x102030405060703), 33, "080002070605040302010307060504030201");
        yield return Golden(new Read(s_loglet, 0x102030405060702, 0x102030405060703, 0x102030405060704, 0x1020305, true), 34, "000102030405060708090a0b0c0d0e0f0207060504030201030706050403020104070605040302010503020101");
        yield return Golden(new ReadReply(StatusCode.Trimmed, 0x102030405060702, 0x1020303, 0x102030405060704, 0x102030405060705), 35, "080002070605040302010303020104070605040302010507060504030201");
        yield return Golden(new Subscribe(s_loglet, 0x102030405060702, 0x102030405060703, -1, 0x1020305), 36, "000102030405060708090a0b0c0d0e0f02070605040302010307060504030201ffffffffffffffff05030201");
        yield return Golden(new Entries(StatusCode.Trimmed, 0x102030405060702, 0x1020303, 0x102030405060704), 37, "08000207060504030201030302010407060504030201");
        yield return Golden(new Credit(0x1020301), 38, "01030201");
        yield return Golden(new Unsubscribe(), 39, "");
        yield return Golden(new Trim(s_loglet, 0x102030405060702, 0x102030405060703), 40, "000102030405060708090a0b0c0d0e0f02070605040302010307060504030201");
        yield return Golden(new TrimReply(StatusCode.Trimmed, 0x102030405060702), 41, "08000207060504030201");
        yield return Golden(new Repair(s_config, 0x102030405060702, 0x1020303), 42, "000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f01020000008877665544332211010000000700000033221100554477668899aabbccddeeff00000000020706050403020103030201");
        yield return Golden(new RepairReply(StatusCode.Trimmed, 0x102030405060702), 43, "08000207060504030201");
        yield return Golden(new DeleteLoglet(s_loglet), 44, "000102030405060708090a0b0c0d0e0f");
        yield return Golden(new DeleteLogletReply(StatusCode.Trimmed), 45, "0800");
        yield return Golden(new MetaPrepare("log/ä", 0x202020202020202, new Ballot(3, 4)), 50, "060000006c6f672fc3a4020202020202020203000000000000000400000000000000");
        yield return Golden(new MetaPrepareReply(StatusCode.Trimmed, new Ballot(3, 4), 0x303030303030303, new Ballot(3, 4), s_bytes), 51, "080003000000000000000400000000000000030303030303030303000000000000000400000000000000030000000a0b0c");
        yield return Golden(new MetaAccept("log/ä", 0x202020202020202, new Ballot(3, 4), s_bytes), 52, "060000006c6f672fc3a4020202020202020203000000000000000400000000000000030000000a0b0c");
        yield return Golden(new MetaAcceptReply(StatusCode.Trimmed, new Ballot(3, 4), 0x303030303030303), 53, "0800030000000000000004000000000000000303030303030303");
        yield return Golden(new MetaRead("log/ä"), 54, "060000006c6f672fc3a4");
        yield return Golden(new MetaReadReply(StatusCode.Trimmed, 0x202020202020202, new Ballot(3, 4), s_bytes), 55, "0800020202020202020203000000000000000400000000000000030000000a0b0c");
        yield return Golden(new MetaList("log/ä"), 56, "060000006c6f672fc3a4");
        yield return Golden(new MetaListReply(StatusCode.Trimmed, (string[])["log/ä"]), 57, "080001000000060000006c6f672fc3a4");
        yield return Golden(new NodeStatus(true), 60, "01");
        yield return Golden(new NodeStatusReply(s_bytes), 61, "030000000a0b0c");
        yield return Golden(new TableRead(TableReadKind.After, 0x102030405060702, TableHold.Always, 0x1020304, s_bytes), 70, "0202070605040302010204030201030000000a0b0c");
        yield return Golden(new TableReadReply(0x102030405060702, s_bytes), 71, "0207060504030201030000000a0b0c");
        yield return Golden(new TablePropose(0x202020202020202, 0x303030303030303, 0x404040404040404, s_bytes), 72, "020202020202020203030303030303030404040404040404030000000a0b0c");
        yield return Golden(new TableProposeReply(ProposeOutcome.Unknown, StatusCode.Unavailable, 0x102030405060702, "ä", s_bytes), 73, "022500020706050403020102000000c3a4030000000a0b0c");
        yield return Golden(new TableOpenSession(), 74, "");
        yield return Golden(new TableOpenSessionReply(0x202020202020202), 75, "0202020202020202");
        yield return Golden(new TableRelease(0x102030405060702), 76, "0207060504030201");
        yield return Golden(new SnapshotList("log/ä"), 77, "060000006c6f672fc3a4");
        yield return Golden(new SnapshotRead("log/ä", 0x202020202020202, 0x303030303030303, "f", 0x404040404040404, 0x5050505), 78, "060000006c6f672fc3a4020202020202020203030303030303030100000066040404040404040405050505");
        yield return Golden(new SnapshotBytes(0x202020202020202, 0x3030303), 79, "020202020202020203030303");
        yield return Golden(new SnapshotWrite("log/ä", 0x202020202020202), 80, "060000006c6f672fc3a40202020202020202");
        yield return Golden(new SnapshotWritten(0x202020202020202, 0x303030303030303), 81, "02020202020202020303030303030303");
    }

    private static GoldenCase<T> Golden<T>(T message, byte type, string hex)
        where T : struct, IMessage<T> => new(message, type, hex);

    public interface IGoldenCase
    {
        FrameType Type { get; }

        void Check();

        void CheckLengths();
    }

    private sealed record GoldenCase<T>(T Message, byte Number, string Hex) : IGoldenCase
        where T : struct, IMessage<T>
    {
        public FrameType Type => T.Type;

        public void Check()
        {
            var bytes = new byte[Message.Size];
            var writer = new MessageWriter(bytes);
            Message.Write(ref writer);
            var reader = new MessageReader(Convert.FromHexString(Hex));
            Assert.Multiple(() =>
            {
                Assert.That((byte)T.Type, Is.EqualTo(Number));
                Assert.That(Convert.ToHexStringLower(bytes), Is.EqualTo(Hex));
            });
            Assert.That(T.TryRead(ref reader, out var read), Is.True);
            var again = new byte[read.Size];
            var rewriter = new MessageWriter(again);
            read.Write(ref rewriter);
            Assert.That(again, Is.EqualTo(bytes));
        }

        public void CheckLengths()
        {
            var bytes = Convert.FromHexString(Hex);
            for (var length = 0; length < bytes.Length; length++)
            {
                var reader = new MessageReader(bytes.AsSpan(0, length));
                Assert.That(T.TryRead(ref reader, out _), Is.False, $"cut to {length} bytes");
            }

            var longer = new MessageReader([.. bytes, 0]);
            Assert.That(T.TryRead(ref longer, out _), Is.False);
        }

        public override string ToString() => typeof(T).Name;
    }
}
