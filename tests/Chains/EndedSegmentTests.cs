using Delos.Protocol.Chains;
using Delos.Protocol.Identity;

namespace Delos.Tests.Chains;

/// <summary>How a segment ended, as its chain tells later.</summary>
public sealed class EndedSegmentTests
{
    private static readonly ChainEdit s_edit = new(0, default, 1, 0, "test");

    [Test]
    [Category("Trap17")]
    public void A_segment_left_out_because_it_was_empty_stops_where_it_starts_and_one_that_was_truncated_cannot_be_told()
    {
        var chain = ChainEdits.Create(LogPolicy.Default, Config(), Guid.NewGuid(), s_edit);
        var full = chain.Active;
        chain = Extend(chain, 10);
        var empty = chain.Active;
        chain = Extend(chain, 10);
        var next = chain.Active;
        Assert.That(chain.Segments.Select(s => (s.Start, s.Stop)), Is.EqualTo(new (long, long?)[] { (0, 10), (10, null) }));
        Assert.That(chain.FindEnded(full)?.Stop, Is.EqualTo(10));
        Assert.That(chain.FindEnded(empty)?.Stop, Is.EqualTo(10));
        Assert.That(chain.FindEnded(next)?.Stop, Is.Null, "it is active");

        chain = Extend(chain, 20);
        Assert.That(chain.FindEnded(empty)?.Stop, Is.EqualTo(10));
        chain = ChainEdits.Truncate(chain, 20, s_edit);
        Assert.That(chain.FindEnded(full), Is.Null, "it held something");
        Assert.That(chain.FindEnded(next), Is.Null);
        Assert.That(chain.FindEnded(empty), Is.Null, "nobody can tell any more");
    }

    [Test]
    [Category("Trap15")]
    public void An_installation_is_remembered_after_its_segment_left_the_chain()
    {
        var chain = ChainEdits.Create(LogPolicy.Default, Config(), Guid.NewGuid(), s_edit);
        var install = Guid.NewGuid();
        chain = ChainEdits.Extend(chain, 0, Config(), install, s_edit);
        for (var i = 0; i < 20; i++) chain = Extend(chain, 0);
        Assert.That(chain.FindByInstallId(install), Is.Null);
        Assert.That(chain.HasInstalled(install));
        Assert.That(chain.HasInstalled(Guid.NewGuid()), Is.False);
        Assert.That(ChainCodec.Decode(chain.Version, ChainCodec.Encode(chain)), Is.EqualTo(chain));
    }

    private static Chain Extend(Chain chain, long stop) => ChainEdits.Extend(chain, stop, Config(), Guid.NewGuid(), s_edit);

    private static LogletConfig Config() => LogletConfig.Native(LogletId.NewRandom(), 1, 2, [new ReplicaId(1, Guid.NewGuid())]);
}
