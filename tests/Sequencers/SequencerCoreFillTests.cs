using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Tests.Sequencers;

/// <summary>Gap records at the request of whoever waits for a stripe.</summary>
public class SequencerCoreFillTests
{
    [Test]
    public void What_is_committed_already_is_answered_at_once_and_nothing_is_stored()
    {
        var h = new CoreHarness();
        h.Append(1, 3);
        h.Ack(0, 3);
        h.Ack(1, 3);
        h.Clear();
        h.Fill(9, 2);
        Assert.That(h.Tails, Is.EqualTo(new[] { (9ul, StatusCode.Ok, 3L) }));
        Assert.That(h.Stores, Is.Empty);
    }

    [Test]
    public void An_idle_stripe_is_filled_and_the_answer_waits_for_the_commit()
    {
        var h = new CoreHarness();
        h.Clear();
        h.Fill(9, 5);
        Assert.That(h.Core.NextPosition, Is.EqualTo(5));
        Assert.That(h.Stores.Select(s => (s.First, s.Count)).Distinct(), Is.EqualTo(new[] { (0L, 5) }));
        h.Ack(0, 5);
        Assert.That(h.Tails, Is.Empty, "one of three is no majority");
        h.Ack(2, 5);
        Assert.That(h.Tails, Is.EqualTo(new[] { (9ul, StatusCode.Ok, 5L) }));
        h.Append(1);
        h.Ack(0, 6);
        h.Ack(1, 6);
        Assert.That(h.LastReply.FirstPosition, Is.EqualTo(5), "appends go on behind the gap");
    }

    [Test]
    public void Appends_on_their_way_count_and_two_requests_store_one_gap()
    {
        var h = new CoreHarness();
        h.Append(1, 2);
        h.Fill(1, 4);
        h.Fill(2, 3);
        Assert.That(h.Core.NextPosition, Is.EqualTo(4));
        h.Ack(0, 3);
        h.Ack(1, 3);
        Assert.That(h.Tails, Is.EqualTo(new[] { (2ul, StatusCode.Ok, 3L) }));
        h.Ack(1, 4);
        h.Ack(2, 4);
        Assert.That(h.Tails[^1], Is.EqualTo((1ul, StatusCode.Ok, 4L)));
        Assert.That(h.Replies.Select(r => (r.Reply.FirstPosition, r.Reply.Count)), Is.EqualTo(new[] { (0L, 2u) }), "only appends are acknowledged");
    }

    [Test]
    public void A_sealed_Loglet_is_not_filled_and_who_waits_is_told()
    {
        var h = new CoreHarness();
        h.Fill(1, 4);
        h.Refuse(0, StatusCode.Sealed);
        h.Fill(2, 5);
        Assert.That(h.Tails, Is.EqualTo(new[] { (2ul, StatusCode.Sealed, 0L) }), "it is being ended");
        h.Refuse(1, StatusCode.Sealed);
        Assert.That(h.Tails, Does.Contain((1ul, StatusCode.Sealed, 0L)));
    }

    [Test]
    public void A_request_is_bounded_in_size_and_time()
    {
        var h = new CoreHarness();
        h.Fill(1, Fill.MaxGap + 1);
        Assert.That(h.Tails, Is.EqualTo(new[] { (1ul, StatusCode.LimitExceeded, 0L) }));
        h.Fill(2, Fill.MaxGap);
        Assert.That(h.Core.NextPosition, Is.EqualTo(Fill.MaxGap));
        h.Pass(TimeSpan.FromSeconds(5));
        Assert.That(h.Tails[^1], Is.EqualTo((2ul, StatusCode.Unavailable, 0L)));
    }
}
