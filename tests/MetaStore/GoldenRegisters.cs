using Delos.Client.MetaStore;
using Delos.Daemon.MetaStore;
using Delos.Protocol.Chains;
using Delos.Protocol.Cluster;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Tests.MetaStore;

/// <summary>The bytes of what registers and acceptors hold, fixed: later versions read them. docs/protocol.md describes them.</summary>
public sealed class GoldenRegisters
{
    private const string Disk = "33221100554477668899aabbccddeeff";
    private static readonly Guid s_disk = new("00112233-4455-6677-8899-aabbccddeeff");

    [Test]
    public void A_register_value_has_these_bytes()
    {
        var value = new RegisterValue([new NodeEndpoint(1, s_disk, "ä", 0x1234)], [new NodeEndpoint(0, Guid.Empty, "b", 2)], 0x0807060504030201, [0x1122334455667788], new byte[] { 9, 8 });
        Check(value.Encode(),
            "01" + "01000000" + "01000000" + Disk + "02000000c3a4" + "3412"
            + "01000000" + "00000000" + "00000000000000000000000000000000" + "0100000062" + "0200"
            + "0102030405060708" + "01000000" + "8877665544332211" + "02000000" + "0908");
        Assert.That(RegisterValue.Decode(value.Encode()), Is.EqualTo(value));
        CheckLengths(value.Encode(), b => RegisterValue.Decode(b) is not null);
    }

    [Test]
    public void A_chain_whose_policy_names_no_Loglet_implementation_is_refused()
    {
        var config = LogletConfig.Native(new LogletId(1, 2), 1, 5, [new ReplicaId(1, s_disk)]);
        var bytes = ChainCodec.Encode(new Chain(3, LogPolicy.Default, [new Segment(0, null, config, s_disk, 1)], []));
        Assert.That(ChainCodec.Decode(3, bytes), Is.Not.Null);
        foreach (byte kind in new byte[] { 0, 4, 255 })
        {
            bytes[5] = kind;
            Assert.That(ChainCodec.Decode(3, bytes), Is.Null);
        }
    }

    [TestCase("""{"nodeId":1,"diskId":"00112233-4455-6677-8899-aabbccddeeff","clusterId":"00112233-4455-6677-8899-aabbccddeeff","roles":null,"incarnation":1}""")]
    [TestCase("""{"nodeId":1,"diskId":"00112233-4455-6677-8899-aabbccddeeff","clusterId":"00112233-4455-6677-8899-aabbccddeeff","roles":[null],"incarnation":1}""")]
    [TestCase("""{"nodeId":1,"diskId":"00112233-4455-6677-8899-aabbccddeeff","clusterId":"00112233-4455-6677-8899-aabbccddeeff","roles":[],"incarnation":1,"loglets":[null]}""")]
    [TestCase("""{"nodeId":1,"diskId":"00112233-4455-6677-8899-aabbccddeeff","clusterId":"00112233-4455-6677-8899-aabbccddeeff","roles":[],"incarnation":1,"version":null}""")]
    public void A_node_status_document_with_null_where_something_must_be_is_refused(string json) =>
        Assert.That(NodeStatusDocument.TryParse(System.Text.Encoding.UTF8.GetBytes(json), out _), Is.False);

    [Test]
    public void A_node_status_document_without_the_fields_that_may_be_missing_has_empty_ones()
    {
        const string Json = """{"nodeId":1,"diskId":"00112233-4455-6677-8899-aabbccddeeff","clusterId":"00112233-4455-6677-8899-aabbccddeeff","roles":["metastore"],"incarnation":1}""";
        Assert.That(NodeStatusDocument.TryParse(System.Text.Encoding.UTF8.GetBytes(Json), out var document), Is.True);
        Assert.That((document?.Version, document?.Loglets, document?.Sequencing), Is.EqualTo(("", Array.Empty<LogletStatusLine>(), Array.Empty<SequencingStatusLine>())));
    }

    [Test]
    public void A_node_list_has_these_bytes()
    {
        var list = new NodeList(7, [new NodeInfo(1, s_disk, "h", 4000, NodeRoles.Sequencer | NodeRoles.LogServer), new NodeInfo(0x01020304, Guid.Empty, "", 1, NodeRoles.MetaStore)]);
        Check(NodeListCodec.Encode(list),
            "01" + "02000000" + "01000000" + Disk + "0100000068" + "a00f" + "03000000"
            + "04030201" + "00000000000000000000000000000000" + "00000000" + "0100" + "04000000");
        Assert.That(NodeListCodec.Decode(7, NodeListCodec.Encode(list)), Is.EqualTo(list));
        CheckLengths(NodeListCodec.Encode(list), b => NodeListCodec.Decode(7, b) is not null);
    }

    [Test]
    public void A_node_list_out_of_order_is_refused() =>
        Assert.That(NodeListCodec.Decode(1, NodeListCodec.Encode(new NodeList(1, [new NodeInfo(2, s_disk, "h", 1, NodeRoles.None), new NodeInfo(1, s_disk, "h", 1, NodeRoles.None)]))), Is.Null);

    [Test]
    public void A_chain_has_these_bytes()
    {
        var first = LogletConfig.Native(new LogletId(0, 1), 2, 0x1122334455667788, [new ReplicaId(7, s_disk)]);
        var second = LogletConfig.Native(new LogletId(0, 2), 3, 1, [new ReplicaId(8, s_disk)]);
        var edit = new ChainEdit(0, ChainEditKind.Create, 5, 1000, "new");
        var chain = ChainEdits.Extend(ChainEdits.Create(LogPolicy.Default, first, Guid.Empty, edit), 10, second, s_disk, edit with { Reason = "ä" });
        Check(ChainCodec.Encode(chain),
            "03" + "03000000" + "01" + "01000000" + "00" + "02000000"
            + "0000000000000000" + "0a00000000000000" + "00000000000000000000000000000000" + "0100000000000000"
            + "01000000000000000000000000000000" + "01000000000000000000000000000000" + "01" + "02000000" + "8877665544332211" + "01000000" + "07000000" + Disk + "00000000"
            + "0a00000000000000" + "ffffffffffffffff" + Disk + "0200000000000000"
            + "02000000000000000000000000000000" + "02000000000000000000000000000000" + "01" + "03000000" + "0100000000000000" + "01000000" + "08000000" + Disk + "00000000"
            + "02000000"
            + "0100000000000000" + "01" + "05000000" + "e803000000000000" + "030000006e6577" + "00000000000000000000000000000000"
            + "0200000000000000" + "02" + "05000000" + "e803000000000000" + "02000000c3a4" + Disk);
        Assert.That(ChainCodec.Decode(2, ChainCodec.Encode(chain)), Is.EqualTo(chain));
        CheckLengths(ChainCodec.Encode(chain), b => ChainCodec.Decode(2, b) is not null);
    }

    [Test]
    public void Acceptor_records_have_these_bytes()
    {
        var state = new AcceptorRegister("r", new Ballot(3, 4), 5, new Ballot(2, 1), new byte[] { 7 });
        Check(AcceptorRecord.Encode(null, state), "02" + "0100000072" + "03000000000000000400000000000000" + "0500000000000000" + "02000000000000000100000000000000" + "0100000007");
        var promised = state with { Promised = new Ballot(9, 8) };
        Check(AcceptorRecord.Encode(state, promised), "01" + "0100000072" + "09000000000000000800000000000000");
        Assert.That(AcceptorRecord.Decode(AcceptorRecord.Encode(state, promised), _ => state), Is.EqualTo(promised));
    }

    [Test]
    public void A_promise_for_a_register_that_the_journal_does_not_have_is_refused()
    {
        var state = new AcceptorRegister("r", new Ballot(3, 4), 5, new Ballot(2, 1), new byte[] { 7 });
        Assert.That(AcceptorRecord.Decode(AcceptorRecord.Encode(state, state with { Promised = new Ballot(9, 8) }), _ => null), Is.Null);
    }

    private static void Check(byte[] bytes, string hex) => Assert.That(Convert.ToHexStringLower(bytes), Is.EqualTo(hex));

    private static void CheckLengths(byte[] bytes, Func<byte[], bool> decodes)
    {
        for (var length = 0; length < bytes.Length; length++) Assert.That(decodes(bytes[..length]), Is.False, $"{length} bytes");
        Assert.That(decodes([.. bytes, 0]), Is.False);
    }
}
