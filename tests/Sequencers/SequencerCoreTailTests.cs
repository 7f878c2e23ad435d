using Delos.Daemon.Sequencers;
using Delos.Protocol.Framing;

namespace Delos.Tests.Sequencers;

public class SequencerCoreTailTests
{
    private static CoreHarness Committed(int replicas = 3, ulong entries = 2)
    {
        var h = new CoreHarness(replicas);
        h.Append(1, (int)entries);
        for (var i = 0; i < replicas; i++) h.Ack(i, (long)entries);
        h.Clear();
        return h;
    }

    [Test]
    public void The_tail_is_confirmed_by_a_majority()
    {
        var h = Committed();
        h.CheckTail(9);
        Assert.That(h.Confirms, Is.EqualTo(new[] { (0, 1ul), (1, 1ul), (2, 1ul) }));
        h.Confirm(0, 1, 2);
        Assert.That(h.Tails, Is.Empty);
        h.Confirm(2, 1, 2);
        Assert.That(h.Tails, Is.EqualTo(new[] { (9ul, StatusCode.Ok, 2L) }));
    }

    [Test, Category("Trap05")]
    public void A_partitioned_sequencer_does_not_answer_from_memory()
    {
        var h = Committed();
        h.Core.OnReplicaLost(1);
        h.Core.OnReplicaLost(2);
        h.CheckTail(9);
        h.Confirm(0, 1, 2);
        Assert.That(h.Tails, Is.Empty);
        h.Pass(TimeSpan.FromSeconds(1.1));
        Assert.That(h.Tails.Single().Status, Is.EqualTo(StatusCode.Unavailable));
    }

    [Test, Category("Trap20")]
    public void A_request_never_joins_a_round_that_was_sent_before_it()
    {
        var h = Committed();
        h.CheckTail(1);
        h.CheckTail(2);
        h.CheckTail(3);
        Assert.That(h.Confirms.Select(c => c.Round).Distinct(), Is.EqualTo(new[] { 1ul }));
        h.Confirm(0, 1, 2);
        h.Confirm(1, 1, 2);
        Assert.That(h.Tails.Select(t => t.CorrelationId), Is.EqualTo(new[] { 1ul }));
        Assert.That(h.Confirms[^1].Round, Is.EqualTo(2ul), "the next round starts when the first ends");
        h.Confirm(2, 1, 2);
        Assert.That(h.Tails, Has.Count.EqualTo(1), "a late answer to the first round confirms nothing");
        h.Confirm(0, 2, 2);
        h.Confirm(1, 2, 2);
        Assert.That(h.Tails.Select(t => t.CorrelationId), Is.EqualTo(new[] { 1ul, 2ul, 3ul }));
    }

    [Test, Category("Trap05")]
    public void The_answer_waits_until_what_a_majority_may_hold_is_committed()
    {
        // Replicas 0 and 2 may have shown 5 to somebody on the slow path already.
        var h = Committed();
        h.Append(3, 3);
        h.CheckTail(9);
        h.Confirm(0, 1, 5);
        h.Confirm(1, 1, 2);
        Assert.That(h.Tails, Is.Empty, "the highest of two");
        h.Ack(1, 5);
        Assert.That(h.Tails, Is.EqualTo(new[] { (9ul, StatusCode.Ok, 5L) }));
    }

    [Test]
    public void Of_three_answers_the_middle_one_is_what_a_majority_holds()
    {
        var h = Committed();
        h.Append(3, 3);
        h.CheckTail(9);
        h.Confirm(0, 1, 5);
        h.Confirm(1, 1, 2);
        h.Confirm(2, 1, 2);
        Assert.That(h.Tails, Is.EqualTo(new[] { (9ul, StatusCode.Ok, 2L) }));
    }

    [Test]
    public void Answers_to_a_round_count_as_acknowledgements()
    {
        var h = Committed();
        h.Append(3, 3);
        h.CheckTail(9);
        h.Confirm(0, 1, 4);
        h.Confirm(1, 1, 4);
        Assert.That(h.Tails, Is.EqualTo(new[] { (9ul, StatusCode.Ok, 4L) }));
        Assert.That(h.LastReply.Count, Is.EqualTo(2));
    }

    [TestCase(5, new long[] { 2, 3, 4 }, 4)]
    [TestCase(5, new long[] { 2, 3, 4, 5 }, 4)]
    [TestCase(5, new long[] { 2, 3, 4, 5, 6 }, 4)]
    [TestCase(4, new long[] { 2, 3, 4 }, 3)]
    [TestCase(2, new long[] { 2, 3 }, 2)]
    [TestCase(1, new long[] { 7 }, 7)]
    public void The_required_tail_is_what_a_majority_may_hold_given_the_answers(int replicas, long[] tails, long required)
    {
        var round = new ConfirmRound(replicas, replicas / 2 + 1);
        round.Start();
        for (var i = 0; i < tails.Length; i++)
        {
            Assert.That(round.TryGetRequiredTail(out _), Is.EqualTo(i >= replicas / 2 + 1));
            round.Answer(i, 1, tails[i]);
        }

        Assert.That(round.TryGetRequiredTail(out var tail));
        Assert.That(tail, Is.EqualTo(required));
    }

    [Test]
    public void A_replica_answers_a_round_once()
    {
        var h = Committed();
        h.CheckTail(9);
        h.Confirm(0, 1, 2);
        h.Confirm(0, 1, 2);
        Assert.That(h.Tails, Is.Empty);
    }

    [Test]
    public void A_replica_that_reconnects_is_asked_again_in_the_same_round()
    {
        var h = Committed();
        h.Core.OnReplicaLost(2);
        h.CheckTail(9);
        h.Confirm(0, 1, 2);
        h.Core.OnReplicaLost(1);
        h.Core.OnReplicaConnected(1);
        Assert.That(h.Confirms[^1], Is.EqualTo((1, 1ul)));
        h.Confirm(1, 1, 2);
        Assert.That(h.Tails.Single().Status, Is.EqualTo(StatusCode.Ok));
    }

    [Test, Category("Trap04")]
    public void A_seal_seen_by_a_round_is_finished_and_answered_Sealed()
    {
        var h = Committed();
        h.CheckTail(9);
        h.Confirm(0, 1, 2, StatusCode.Sealed);
        Assert.That(h.Seals, Is.EqualTo(new[] { 1, 2 }));
        h.Confirm(1, 1, 2);
        h.Confirm(2, 1, 2);
        Assert.That(h.Tails, Is.Empty, "it is about to be sealed: no tail of it is given out");
        h.Core.OnSealReply(2, StatusCode.Ok);
        Assert.That(h.Tails.Single().Status, Is.EqualTo(StatusCode.Sealed));
    }

    [Test]
    public void A_replica_that_does_not_know_the_Loglet_confirms_nothing()
    {
        var h = Committed();
        h.CheckTail(9);
        h.Confirm(0, 1, 0, StatusCode.NotFound);
        h.Confirm(1, 1, 2);
        Assert.That(h.Tails, Is.Empty);
    }

    [Test]
    public void Requests_that_came_while_a_round_failed_get_a_round_of_their_own()
    {
        var h = Committed();
        h.CheckTail(1);
        h.Pass(TimeSpan.FromSeconds(0.5));
        h.CheckTail(2);
        h.Clear();
        h.Pass(TimeSpan.FromSeconds(0.6));
        Assert.That(h.Tails, Is.EqualTo(new[] { (1ul, StatusCode.Unavailable, 2L) }));
        Assert.That(h.Confirms[^1].Round, Is.EqualTo(2ul));
        h.Confirm(0, 2, 2);
        h.Confirm(1, 2, 2);
        Assert.That(h.Tails[^1], Is.EqualTo((2ul, StatusCode.Ok, 2L)));
    }
}
