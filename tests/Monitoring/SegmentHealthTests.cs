using Delos.Daemon.Monitoring;
using Delos.Protocol.Chains;
using Delos.Protocol.Cluster;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Tests.Monitoring;

/// <summary>When an active segment is to be replaced, and by whom.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class SegmentHealthTests
{
    private static readonly MonitorOptions s_options = new();
    private static readonly LogletConfig s_config = LogletConfig.Native(new LogletId(0, 1), 1, 7, [new ReplicaId(1, Guid.Empty), new ReplicaId(2, Guid.Empty), new ReplicaId(3, Guid.Empty)]);
    private readonly SegmentHealth _health = new(s_config, s_options);

    [Test]
    [Category("Trap12")]
    public void One_sealed_replica_and_no_successor_is_reason_enough()
    {
        _health.OnStatus(1, StatusCode.Ok, isSealed: true, TimeSpan.Zero);
        Assert.That(_health.Judge(s_options.SealedGrace - TimeSpan.FromMilliseconds(1), []), Is.Null, "whoever sealed it gets his time");
        _health.OnStatus(1, StatusCode.Ok, isSealed: true, s_options.SealedGrace);
        Assert.That(_health.Judge(s_options.SealedGrace, [])?.Reason, Does.Contain("sealed"));
    }

    [Test]
    public void A_replica_that_is_not_known_there_proves_nothing()
    {
        _health.OnStatus(1, StatusCode.NotFound, isSealed: false, TimeSpan.Zero);
        Assert.That(_health.Judge(TimeSpan.FromHours(1), [4]), Is.Null);
    }

    [Test]
    public void A_lost_LogServer_is_replaced_after_the_grace_if_there_is_a_spare()
    {
        _health.OnLost(2, TimeSpan.Zero);
        Assert.That(_health.Judge(s_options.LostGrace, []), Is.Null, "no spare");
        Assert.That(_health.Judge(s_options.LostGrace - TimeSpan.FromMilliseconds(1), [4]), Is.Null, "it may come back");
        Assert.That(_health.Judge(s_options.LostGrace, [4])?.Failed, Is.EqualTo(2));
    }

    [Test]
    public void A_LogServer_that_came_back_begins_anew()
    {
        _health.OnLost(2, TimeSpan.Zero);
        _health.OnStatus(2, StatusCode.Ok, isSealed: false, TimeSpan.FromSeconds(1));
        _health.OnLost(2, TimeSpan.FromSeconds(1.5));
        Assert.That(_health.Judge(TimeSpan.FromSeconds(3), [4]), Is.Null);
        Assert.That(_health.Judge(TimeSpan.FromSeconds(3.5), [4]), Is.Not.Null);
    }

    [Test]
    [Category("Trap14")]
    public void Exactly_one_monitor_acts_at_once_whichever_node_failed()
    {
        var nodes = new NodeList(1, [.. Enumerable.Range(1, 5).Select(i => new NodeInfo((uint)i, Guid.Empty, "h", i, i <= 3 ? NodeRoles.MetaStore : NodeRoles.LogServer))]);
        for (var failed = 0u; failed <= 5; failed++)
        {
            var ranks = new[] { 1u, 2u, 3u }.Where(me => me != failed).Select(me => MonitorRank.Of(nodes, me, failed)).ToArray();
            Assert.That(ranks, Is.EqualTo(Enumerable.Range(0, ranks.Length)));
        }
    }

    [Test]
    public void The_first_waits_for_nothing_and_each_other_for_its_turn()
    {
        var turn = s_options.RankDelay;
        Assert.That(MonitorRank.Delay(0, turn, 0.9), Is.EqualTo(TimeSpan.Zero));
        Assert.That(MonitorRank.Delay(1, turn, 0.0), Is.EqualTo(turn));
        Assert.That(MonitorRank.Delay(1, turn, 0.999), Is.LessThan(MonitorRank.Delay(2, turn, 0)));
    }
}
