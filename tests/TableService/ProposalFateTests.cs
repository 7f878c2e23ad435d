using Delos.Client.Tables;

namespace Delos.Tests.TableService;

/// <summary>What a client concludes from attempt after attempt of one write.</summary>
public sealed class ProposalFateTests
{
    [Test]
    public void An_answer_from_the_log_settles_it_whatever_went_before()
    {
        var fate = new ProposalFate();
        Assert.That(fate.On(AttemptEnd.Unknown, isTimeLeft: true), Is.EqualTo(ProposalStep.Elsewhere));
        Assert.That(fate.On(AttemptEnd.Applied, isTimeLeft: false), Is.EqualTo(ProposalStep.Done));
    }

    [TestCase(AttemptEnd.NotApplied, ProposalStep.Elsewhere)]
    [TestCase(AttemptEnd.Moved, ProposalStep.Refresh)]
    [TestCase(AttemptEnd.Busy, ProposalStep.Later)]
    [TestCase(AttemptEnd.Refused, ProposalStep.Elsewhere)]
    public void Once_an_attempt_is_unknown_no_other_nodes_refusal_is_reported_as_not_applied(object end, object step)
    {
        var fate = new ProposalFate();
        fate.On(AttemptEnd.Unknown, isTimeLeft: true);
        Assert.That(fate.On((AttemptEnd)end, isTimeLeft: true), Is.EqualTo((ProposalStep)step), "it asks on");
        Assert.That(fate.On((AttemptEnd)end, isTimeLeft: false), Is.EqualTo(ProposalStep.FailUnknown));
    }

    [TestCase(AttemptEnd.NotApplied, ProposalStep.Elsewhere)]
    [TestCase(AttemptEnd.Moved, ProposalStep.Refresh)]
    [TestCase(AttemptEnd.Busy, ProposalStep.Later)]
    [TestCase(AttemptEnd.SessionExpired, ProposalStep.NewSession)]
    public void As_long_as_every_attempt_was_refused_it_fails_as_not_applied(object end, object step)
    {
        var fate = new ProposalFate();
        for (var i = 0; i < 3; i++) Assert.That(fate.On((AttemptEnd)end, isTimeLeft: true), Is.EqualTo((ProposalStep)step));
        Assert.That(fate.On((AttemptEnd)end, isTimeLeft: false), Is.EqualTo(ProposalStep.FailNotApplied));
        Assert.That(fate.MayBeApplied, Is.False);
    }

    [Test]
    public void What_every_node_would_refuse_is_not_tried_again()
    {
        Assert.That(new ProposalFate().On(AttemptEnd.Refused, isTimeLeft: true), Is.EqualTo(ProposalStep.FailNotApplied));
    }

    [Test]
    public void A_session_that_expired_after_an_unknown_attempt_leaves_it_unknown()
    {
        var fate = new ProposalFate();
        fate.On(AttemptEnd.Unknown, isTimeLeft: true);
        Assert.That(fate.On(AttemptEnd.SessionExpired, isTimeLeft: true), Is.EqualTo(ProposalStep.FailUnknown));
    }

    [Test]
    public void An_answer_that_is_forgotten_means_that_it_may_be_applied()
    {
        Assert.That(new ProposalFate().On(AttemptEnd.AlreadyAnswered, isTimeLeft: true), Is.EqualTo(ProposalStep.FailUnknown));
    }

    [Test]
    public void An_unknown_attempt_without_time_for_another_fails_as_unknown()
    {
        Assert.That(new ProposalFate().On(AttemptEnd.Unknown, isTimeLeft: false), Is.EqualTo(ProposalStep.FailUnknown));
    }
}
