using Delos.Client;
using Delos.Client.Placements;
using Delos.Protocol.Chains;
using Delos.Protocol.Cluster;
using Delos.Protocol.Identity;

namespace Delos.Tests.Placements;

/// <summary>Where a Loglet may live, and where it better does.</summary>
public sealed class PlacementChoiceTests
{
    private static readonly LogPolicy s_three = LogPolicy.Default;
    private static readonly HashSet<uint> s_none = [];

    [Test]
    [Category("Trap13")]
    public void The_dead_sequencers_node_does_not_sequence_again_and_the_incarnation_is_the_nodes_own()
    {
        var former = Former(sequencer: 1, 1, 2, 3);
        for (var seed = 0; seed < 50; seed++)
        {
            var config = Choose([Dead(1), Live(2), Live(3)], new PlacementHint { Former = former, Avoid = [1] }, seed);
            Assert.That(config.SequencerNode, Is.Not.EqualTo(1));
            Assert.That(config.Incarnation, Is.EqualTo(config.SequencerNode * 100));
            Assert.That(config.Id, Is.Not.EqualTo(former.Id));
        }
    }

    [Test]
    public void A_dead_node_fills_up_when_there_is_no_spare_and_refills_later() =>
        Assert.That(Nodes(Choose([Dead(1), Live(2), Live(3)], PlacementHint.None)), Is.EqualTo(new[] { 1u, 2u, 3u }));

    [Test]
    public void A_live_spare_goes_before_a_dead_replica()
    {
        var hint = new PlacementHint { Former = Former(2, 1, 2, 3) };
        Assert.That(Nodes(Choose([Dead(1), Live(2), Live(3), Live(4)], hint)), Is.EqualTo(new[] { 2u, 3u, 4u }));
    }

    [Test]
    public void Live_replicas_of_the_former_segment_stay()
    {
        var hint = new PlacementHint { Former = Former(2, 1, 2, 3) };
        Assert.That(Nodes(Choose([Live(5), Live(4), Live(3), Live(2), Live(1)], hint)), Is.EqualTo(new[] { 1u, 2u, 3u }));
    }

    [Test]
    public void The_sequencer_rotates_to_another_replica_that_stays()
    {
        var hint = new PlacementHint { Former = Former(2, 1, 2, 3) };
        var chosen = Enumerable.Range(0, 50).Select(seed => Choose([Live(1), Live(2), Live(3), Live(4)], hint, seed).SequencerNode).Distinct().Order();
        Assert.That(chosen, Is.EqualTo(new[] { 1u, 3u }));
    }

    [Test]
    public void The_only_live_sequencer_is_used_even_if_it_was_the_former() =>
        Assert.That(Choose([Live(1), Live(2, NodeRoles.LogServer), Live(3, NodeRoles.LogServer)], new PlacementHint { Former = Former(1, 1, 2, 3) }).SequencerNode, Is.EqualTo(1));

    [Test]
    public void Without_a_live_majority_the_error_names_the_dead() =>
        AssertFails(DelosErrorCode.Unavailable, "node 2", [Live(1), Dead(2), Dead(3)], PlacementHint.None);

    [Test]
    public void With_too_few_LogServers_the_error_says_how_many() =>
        AssertFails(DelosErrorCode.Unavailable, "has 2", [Live(1), Live(2)], PlacementHint.None);

    [Test]
    public void A_demanded_node_that_is_unknown_is_not_found() =>
        AssertFails(DelosErrorCode.NotFound, "Node 9", [Live(1), Live(2), Live(3)], new PlacementHint { Sequencer = 9 });

    [Test]
    public void A_demanded_sequencer_that_is_dead_is_unavailable() =>
        AssertFails(DelosErrorCode.Unavailable, "shall sequence", [Dead(1), Live(2), Live(3)], new PlacementHint { Sequencer = 1 });

    [Test]
    public void Demanded_replicas_are_taken_exactly() =>
        Assert.That(Nodes(Choose([Live(1), Live(2), Live(3), Live(4), Live(5)], new PlacementHint { Replicas = [5, 1, 4] })), Is.EqualTo(new[] { 1u, 4u, 5u }));

    [Test]
    public void Enough_is_enough_only_with_a_sequencer_to_rotate_to()
    {
        var hint = new PlacementHint { Former = Former(1, 1, 2, 3) };
        NodeProbe[] oneSequencer = [Live(1), Live(2, NodeRoles.LogServer), Live(3, NodeRoles.LogServer)];
        var asked = Infos(1, 2, 3, 4, 5);
        Assert.That(PlacementChoice.IsEnough(s_three, hint, asked, s_none, oneSequencer), Is.False);
        Assert.That(PlacementChoice.IsEnough(s_three, hint, asked, s_none, [.. oneSequencer, Live(4)]), Is.True);
    }

    [Test]
    public void A_node_that_is_believed_dead_is_not_waited_for()
    {
        var hint = new PlacementHint { Former = Former(1, 1, 2, 3), Avoid = [1] };
        var asked = Infos(1, 2, 3);
        Assert.That(PlacementChoice.IsEnough(s_three, hint, asked, s_none, [Live(2)]), Is.False, "one LogServer of three is no majority");
        Assert.That(PlacementChoice.IsEnough(s_three, hint, asked, s_none, [Live(2), Live(3)]), Is.True);
        Assert.That(PlacementChoice.IsEnough(s_three, hint with { Avoid = [] }, asked, s_none, [Live(2), Live(3)]), Is.False);
        Assert.That(PlacementChoice.IsEnough(s_three, hint with { Avoid = [] }, asked, new HashSet<uint> { 1 }, [Live(2), Live(3)]), Is.True, "to which there was no connection");
        Assert.That(PlacementChoice.IsEnough(s_three, hint, Infos(1, 2, 3, 4), s_none, [Live(2), Live(3)]), Is.False, "a spare may yet answer");
    }

    [Test]
    public void Stripes_rotate_over_all_sequencers_and_share_their_LogServers()
    {
        var config = Choose([Live(1), Live(2), Live(3), Live(4), Live(5)], PlacementHint.None, policy: LogPolicy.Striped(5, 7));
        Assert.Multiple(() =>
        {
            Assert.That(config.Kind, Is.EqualTo(LogletKind.Striped));
            Assert.That(config.Stripes, Has.Count.EqualTo(7));
            Assert.That(config.Stripes.Take(5).Select(s => s.SequencerNode), Is.EquivalentTo(new[] { 1u, 2u, 3u, 4u, 5u }));
            Assert.That(config.Stripes.Select(s => s.Incarnation), Is.EqualTo(config.Stripes.Select(s => s.SequencerNode * 100ul)));
            Assert.That(config.Stripes.Select(Nodes), Is.All.EqualTo(new[] { 1u, 2u, 3u, 4u, 5u }));
            Assert.That(config.Stripes.Select(s => s.Id).Append(config.Id), Is.Unique);
            Assert.That(config.Stripes.Select(s => s.StorageGroup), Is.All.EqualTo(config.Id));
            Assert.That(config.SequencerNodes, Has.Count.EqualTo(5));
            Assert.That(config.ReplicaNodes, Is.EqualTo(new[] { 1u, 2u, 3u, 4u, 5u }));
        });
    }

    [Test]
    public void There_are_enough_answers_only_with_a_sequencer_for_each_stripe_or_none_left_to_answer()
    {
        var policy = LogPolicy.Striped(3, 4);
        var asked = Infos(1, 2, 3, 4, 5);
        NodeProbe[] three = [Live(1), Live(2), Live(3)];
        Assert.That(PlacementChoice.IsEnough(policy, PlacementHint.None, asked, s_none, three), Is.False, "two stripes would have the same sequencer");
        Assert.That(PlacementChoice.IsEnough(policy, PlacementHint.None, asked, s_none, [.. three, Live(4)]), Is.True);
        Assert.That(PlacementChoice.IsEnough(policy, new PlacementHint { Avoid = [4] }, asked, new HashSet<uint> { 5 }, three), Is.True, "nobody else is expected");
        Assert.That(PlacementChoice.IsEnough(policy, PlacementHint.None, Infos(1, 2, 3), s_none, three), Is.True);
    }

    [Test]
    public void A_dead_node_sequences_no_stripe()
    {
        var config = Choose([Live(1), Dead(2), Live(3)], new PlacementHint { Avoid = [3] }, policy: LogPolicy.Striped(3, 2));
        Assert.That(config.Stripes.Select(s => s.SequencerNode), Is.EqualTo(new[] { 1u, 1u }));
    }

    [Test]
    public void Shards_have_LogServers_of_their_own_and_each_a_live_majority()
    {
        for (var seed = 0; seed < 50; seed++)
        {
            var config = Choose([Dead(1), Dead(2), Live(3), Live(4), Live(5), Live(6)], PlacementHint.None, seed, LogPolicy.Striped(3, 2, sharded: true));
            var shards = config.Stripes.Select(s => Nodes(s).ToArray()).ToArray();
            Assert.That(shards.SelectMany(s => s), Is.EquivalentTo(new[] { 1u, 2u, 3u, 4u, 5u, 6u }));
            Assert.That(shards.Select(s => s.Count(n => n <= 2)), Is.All.EqualTo(1));
            Assert.That(config.Stripes.Select(s => Nodes(s).Contains(s.SequencerNode)), Is.All.True, "next to its replicas");
            Assert.That(config.Stripes.Select(s => s.StorageGroup), Is.EqualTo(config.Stripes.Select(s => s.Id)));
        }
    }

    [Test]
    public void Demanded_LogServers_are_dealt_out_in_their_order()
    {
        var hint = new PlacementHint { Replicas = [4, 1, 3, 2] };
        var config = Choose([Live(1), Live(2), Live(3), Live(4)], hint, policy: LogPolicy.Striped(2, 2, sharded: true));
        Assert.That(config.Stripes.Select(Nodes), Is.EqualTo(new[] { new[] { 1u, 4u }, [2u, 3u] }));
    }

    [Test]
    public void Too_few_LogServers_for_all_shards_is_told() =>
        AssertFails(DelosErrorCode.Unavailable, "6 LogServers are needed (2 stripes of 3); the node list has 3", [Live(1), Live(2), Live(3)], PlacementHint.None, LogPolicy.Striped(3, 2, sharded: true));

    private static NodeInfo[] Infos(params uint[] ids) => [.. ids.Select(i => Live(i).Node)];

    private static void AssertFails(DelosErrorCode code, string text, NodeProbe[] probes, PlacementHint hint, LogPolicy? policy = null)
    {
        var failure = Assert.Throws<DelosException>(() => Choose(probes, hint, policy: policy))!;
        Assert.That((failure.Code, failure.Message), Is.EqualTo((code, failure.Message)));
        Assert.That(failure.Message, Does.Contain(text));
    }

    private static LogletConfig Choose(NodeProbe[] probes, PlacementHint hint, int seed = 1, LogPolicy? policy = null)
    {
        ulong id = 99;
        var random = new Random(seed);
        var lots = probes.ToDictionary(p => p, _ => random.Next());
        return PlacementChoice.Choose(policy ?? s_three, hint, probes, () => new LogletId(0, id++), p => lots[p]);
    }

    private static IEnumerable<uint> Nodes(LogletConfig config) => config.Replicas.Select(r => r.NodeId);

    private static LogletConfig Former(uint sequencer, params uint[] replicas) => LogletConfig.Native(new LogletId(0, 1), sequencer, 7, [.. replicas.Select(r => new ReplicaId(r, Disk(r)))]);

    private static NodeProbe Live(uint id, NodeRoles roles = NodeRoles.LogServer | NodeRoles.Sequencer) => new(new NodeInfo(id, Disk(id), "h", (int)id, roles), id * 100, true);

    private static NodeProbe Dead(uint id) => Live(id) with { Incarnation = 0, IsReady = false };

    private static Guid Disk(uint id) => new((int)id, 0, 0, new byte[8]);
}
