using Delos.Daemon.MetaStore;
using Delos.Protocol.Chains;
using Delos.Protocol.Identity;

namespace Delos.Tests.Chains;

public class ChainRoomTests
{
    /// <summary>Whoever extends a chain has sealed its active segment by then: the write must not be refused for its size.</summary>
    [TestCase(1)]
    [TestCase(3)]
    [TestCase(5)]
    [TestCase(7)]
    [TestCase(LogletConfig.MaxReplicas)]
    public void A_chain_that_has_room_for_another_segment_fits_into_a_register_with_it(int replicas)
    {
        var edit = new ChainEdit(0, default, 1, 0, new string('ä', 200));
        var config = Config(replicas);
        int most = 1, tooMany = Chain.MaxSegments + 1;
        while (tooMany - most > 1)
        {
            var middle = (most + tooMany) / 2;
            if (ChainEdits.HasRoom(Of(middle), Of(middle).Policy)) most = middle;
            else tooMany = middle;
        }

        var full = Of(most);
        var extended = ChainEdits.Extend(full, full.Active.Start, Config(LogletConfig.MaxReplicas), Guid.NewGuid(), edit);
        var bytes = ChainCodec.Encode(extended);
        Assert.That(bytes, Has.Length.LessThanOrEqualTo(new AcceptorLimits().MaxValueBytes - (16 << 10)), "beside the next version's acceptors");
        Assert.That(ChainCodec.Decode(extended.Version, bytes), Is.EqualTo(extended));

        Chain Of(int segments) => new(
            9, new LogPolicy(replicas, LogletKind.Native, 1), [.. Enumerable.Range(1, segments).Select(i => new Segment(i, i < segments ? i + 1 : null, config, Guid.NewGuid(), 1))],
            [.. Enumerable.Repeat(edit with { Version = 9 }, Chain.MaxHistory)]);
    }

    private static LogletConfig Config(int replicas) =>
        LogletConfig.Native(LogletId.NewRandom(), 1, 7, [.. Enumerable.Range(1, replicas).Select(i => new ReplicaId((uint)i, Guid.NewGuid()))]);
}
