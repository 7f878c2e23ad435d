using Delos.Daemon.Monitoring;
using Delos.Protocol.Cluster;
using Delos.Protocol.Identity;

namespace Delos.Tests.Monitoring;

/// <summary>One monitor acts at once, the others in turn, and many logs are work for all of them.</summary>
public sealed class MonitorRankTests
{
    private static readonly NodeList s_nodes = new(1, [.. Enumerable.Range(1, 5).Select(i => new NodeInfo((uint)i, Guid.Empty, "h", i, i <= 3 ? NodeRoles.MetaStore : NodeRoles.LogServer))]);

    [Test]
    [Category("Trap14")]
    public void Exactly_one_monitor_acts_at_once_whichever_node_failed()
    {
        for (var failed = 0u; failed <= 5; failed++)
        {
            for (var log = 0; log < 20; log++)
            {
                var ranks = Monitors(failed).Select(me => MonitorRank.Of(s_nodes, me, $"log-{log}", n => n == failed)).ToArray();
                Assert.That(ranks, Is.EquivalentTo(Enumerable.Range(0, ranks.Length)));
            }
        }
    }

    /// <summary>Monitors learn of a death at different moments: meanwhile no two of them may take themselves for the first.</summary>
    [Test]
    [Category("Trap14")]
    public void A_death_that_only_one_of_two_monitors_knows_of_makes_no_two_firsts()
    {
        for (var log = 0; log < 100; log++)
        {
            var name = $"log-{log}";
            foreach (var (knows, other, gone) in new[] { (1u, 2u, 3u), (2u, 1u, 3u), (1u, 3u, 2u), (3u, 1u, 2u), (2u, 3u, 1u), (3u, 2u, 1u) })
            {
                Assert.That(MonitorRank.Of(s_nodes, other, name, static _ => false) == 0 && MonitorRank.Of(s_nodes, knows, name, n => n == gone) == 0, Is.False);
            }
        }
    }

    [Test]
    public void The_failure_of_many_logs_is_work_for_all_monitors()
    {
        foreach (var me in Monitors(failed: 2)) Assert.That(Enumerable.Range(0, 1000).Count(log => MonitorRank.Of(s_nodes, me, $"log-{log}", n => n == 2) == 0), Is.InRange(400, 600));
    }

    [Test]
    public void A_node_that_is_not_in_the_list_yet_has_a_rank_too() => Assert.That(MonitorRank.Of(NodeList.Empty, 9, "log", _ => true), Is.Zero);

    [Test]
    public void The_first_waits_for_nothing_and_each_other_for_its_turn_longer_if_there_is_much_to_do()
    {
        var turn = new MonitorOptions().RankDelay;
        Assert.That(MonitorRank.Delay(0, turn, 100, 0.9), Is.EqualTo(TimeSpan.Zero));
        Assert.That(MonitorRank.Delay(1, turn, 1, 0.0), Is.InRange(turn, turn * 1.2));
        Assert.That(MonitorRank.Delay(1, turn, 1, 0.999), Is.LessThan(MonitorRank.Delay(2, turn, 1, 0)));
        Assert.That(MonitorRank.Delay(1, turn, 80, 0), Is.GreaterThan(turn * 10));
    }

    private static IEnumerable<uint> Monitors(uint failed) => new[] { 1u, 2u, 3u }.Where(me => me != failed);
}
