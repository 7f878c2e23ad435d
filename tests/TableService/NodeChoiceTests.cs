using Delos.Client.Tables;

namespace Delos.Tests.TableService;

/// <summary>Which node a client asks.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class NodeChoiceTests
{
    private static readonly TimeSpan s_now = TimeSpan.FromSeconds(100);

    private readonly NodeChoice _choice = new(start: 1);

    [SetUp]
    public void ThreeNodes() => _choice.Update([1, 2, 3]);

    [Test]
    public void The_node_that_answered_is_asked_again()
    {
        _choice.Answered(3, s_now);
        Assert.That(_choice.Next([], s_now), Is.EqualTo(3));
    }

    [Test]
    public void One_answer_from_another_node_does_not_move_the_client()
    {
        _choice.Answered(3, s_now);
        _choice.Answered(1, s_now);
        Assert.That(_choice.Next([], s_now), Is.EqualTo(3));
    }

    [Test]
    public void A_node_that_failed_is_left_for_a_while_and_the_one_that_answers_instead_is_kept()
    {
        _choice.Answered(3, s_now);
        _choice.Failed(3, s_now);
        var next = _choice.Next([], s_now);
        Assert.That(next, Is.Not.EqualTo(3).And.Not.Zero);
        _choice.Answered(next, s_now);
        Assert.That(_choice.Next([], s_now + (NodeChoice.Shunned * 2)), Is.EqualTo(next));
    }

    [Test]
    public void Every_node_is_asked_once_also_those_that_failed()
    {
        foreach (var node in (uint[])[1, 2, 3]) _choice.Failed(node, s_now);
        var tried = new List<uint>();
        for (var node = _choice.Next(tried, s_now); node != 0; node = _choice.Next(tried, s_now)) tried.Add(node);
        Assert.That(tried, Is.EquivalentTo(new uint[] { 1, 2, 3 }));
    }

    [Test]
    public void A_node_that_left_the_list_is_not_asked_any_more()
    {
        _choice.Answered(3, s_now);
        _choice.Update([1, 2]);
        Assert.That(_choice.Next([], s_now), Is.EqualTo(1).Or.EqualTo(2));
        _choice.Update([]);
        Assert.That(_choice.Next([], s_now), Is.Zero);
    }

    [Test]
    public void The_client_moves_to_the_node_that_is_preferred_and_stays_there()
    {
        _choice.Answered(3, s_now);
        _choice.Prefer(2, s_now);
        Assert.That(_choice.Next([], s_now), Is.EqualTo(2));
        _choice.Answered(3, s_now);
        Assert.That(_choice.Next([], s_now), Is.EqualTo(2));
        _choice.Prefer(4, s_now);
        Assert.That(_choice.Next([], s_now), Is.EqualTo(2), "4 is none of them");
    }

    [Test]
    public void It_does_not_move_to_a_node_that_failed_lately_even_if_that_has_answered_since()
    {
        _choice.Answered(3, s_now);
        _choice.Failed(2, s_now);
        _choice.Answered(2, s_now);
        var later = s_now + NodeChoice.Distrusted;
        _choice.Prefer(2, later - TimeSpan.FromSeconds(1));
        Assert.That(_choice.Next([], later), Is.EqualTo(3));
        _choice.Prefer(2, later);
        Assert.That(_choice.Next([], later), Is.EqualTo(2));
    }
}
