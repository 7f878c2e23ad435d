using Delos.Daemon.Sequencers;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Tests.Sequencers;

public class SequencerCoreSealTests
{
    private const ulong Client = CoreHarness.Client;

    [Test]
    public void Pending_appends_of_a_sealed_majority_fail_and_are_told_their_positions()
    {
        var h = new CoreHarness();
        h.Append(1, 3);
        h.Ack(0, 1);
        h.Ack(1, 1);
        h.Clear();
        h.Refuse(0, StatusCode.Sealed);
        Assert.That(h.Replies, Is.Empty, "they may still commit on the other two");
        h.Refuse(1, StatusCode.Sealed);
        Assert.That(h.Replies.Single().Reply, Is.EqualTo(new AppendReply(h.Config.Id, Client, StatusCode.Sealed, 2, 2, 1, 1)));
        Assert.That(h.EndedReason, Is.EqualTo(EndReason.SealSeen));
    }

    [Test]
    public void Append_after_seal_returns_Sealed_without_a_position([Values] bool majority)
    {
        var h = new CoreHarness();
        h.Refuse(0, StatusCode.Sealed);
        if (majority) h.Refuse(1, StatusCode.Deleted);
        h.Append(1);
        Assert.That(h.LastReply, Is.EqualTo(new AppendReply(h.Config.Id, Client, StatusCode.Sealed, 1, 1, -1, 0)));
        Assert.That(h.Core.NextPosition, Is.EqualTo(0));
    }

    [Test]
    public void A_pending_append_may_still_commit_on_the_replicas_that_are_open()
    {
        var h = new CoreHarness();
        h.Append(1);
        h.Refuse(0, StatusCode.Sealed);
        h.Ack(1, 1);
        h.Ack(2, 1);
        Assert.That(h.LastReply.Status, Is.EqualTo(StatusCode.Ok));
    }

    [Test]
    public void What_a_replica_acknowledged_before_its_seal_still_counts()
    {
        var h = new CoreHarness();
        h.Append(1);
        h.Ack(0, 1);
        h.Refuse(0, StatusCode.Sealed);
        h.Ack(1, 1);
        Assert.That(h.LastReply.Status, Is.EqualTo(StatusCode.Ok));
    }

    [Test, Category("Trap01")]
    public void A_late_acknowledgement_after_the_seal_counts_for_nothing()
    {
        var h = new CoreHarness();
        h.Append(1);
        h.Refuse(0, StatusCode.Sealed);
        h.Ack(0, 1);
        h.Core.OnConfirmReply(0, 0, StatusCode.Ok, 1);
        h.Ack(1, 1);
        Assert.That(h.Core.GlobalTail, Is.EqualTo(0));
        h.Refuse(2, StatusCode.Sealed);
        h.Ack(2, 1);
        Assert.That(h.Replies.Single().Reply.Status, Is.EqualTo(StatusCode.Sealed));
        Assert.That(h.Core.GlobalTail, Is.EqualTo(0));
    }

    [Test, Category("Trap03")]
    public void The_tail_in_a_seal_reply_raises_nothing()
    {
        var h = new CoreHarness();
        h.Append(1);
        h.Ack(0, 1);
        h.Core.OnSealReply(1, StatusCode.Ok);
        Assert.That(h.Core.GlobalTail, Is.EqualTo(0));
    }

    [Test, Category("Trap12")]
    public void A_half_seal_is_finished_although_its_author_and_one_replica_are_gone()
    {
        var h = new CoreHarness();
        h.Core.OnReplicaLost(2);
        h.Append(1);
        h.Refuse(0, StatusCode.Sealed);
        Assert.That(h.Seals, Is.EqualTo(new[] { 1 }));
        Assert.That(h.EndingReason, Is.EqualTo(EndReason.SealSeen));
        h.Clear();
        h.Pass(TimeSpan.FromSeconds(0.3));
        Assert.That(h.Seals, Is.EqualTo(new[] { 1 }), "until it is answered");
        h.Clear();
        h.Core.OnReplicaConnected(2);
        Assert.That(h.Seals, Is.EqualTo(new[] { 2 }));
        h.Core.OnSealReply(2, StatusCode.Ok);
        Assert.That(h.EndedReason, Is.EqualTo(EndReason.SealSeen));
        Assert.That(h.LastReply, Is.EqualTo(new AppendReply(h.Config.Id, Client, StatusCode.Sealed, 1, 1, 0, 0)));
    }

    [Test]
    public void A_failed_seal_request_seals_nothing([Values(StatusCode.IoError, StatusCode.Unavailable, StatusCode.NotServed)] StatusCode status)
    {
        var h = new CoreHarness();
        h.Refuse(0, StatusCode.Sealed);
        h.Core.OnSealReply(1, status);
        h.Core.OnSealReply(2, status);
        Assert.That(h.EndedReason, Is.Null);
    }

    [Test]
    public void A_resend_after_the_seal_is_told_what_is_known_of_it()
    {
        var h = new CoreHarness();
        h.Append(1, 2);
        h.Ack(0, 1);
        h.Ack(1, 1);
        h.Refuse(0, StatusCode.Sealed);
        h.Refuse(1, StatusCode.Sealed);
        h.Clear();
        h.Append(1, 3);
        Assert.That(h.Replies.Select(r => (r.Reply.Status, r.Reply.FirstSequence, r.Reply.FirstPosition)), Is.EqualTo(new[]
        {
            (StatusCode.Ok, 1ul, 0L), (StatusCode.Sealed, 2ul, 1L), (StatusCode.Sealed, 3ul, -1L),
        }));
    }

    [Test]
    public void Another_incarnation_at_a_replica_ends_the_Loglet_here()
    {
        var h = new CoreHarness();
        h.Append(1);
        h.Refuse(0, StatusCode.WrongIncarnation);
        Assert.That(h.EndedReason, Is.EqualTo(EndReason.WrongIncarnation));
        Assert.That(h.LastReply.Status, Is.EqualTo(StatusCode.Sealed));
    }

    [Test]
    public void Whoever_waits_is_answered_Sealed_at_the_end()
    {
        var h = new CoreHarness(connect: false);
        h.Core.OnOpen(h, 1);
        h.CheckTail(2);
        h.CheckTail(3);
        h.Core.OnReplicaConnected(0);
        h.Core.OnReplicaConnected(1);
        h.Refuse(0, StatusCode.Sealed);
        h.Refuse(1, StatusCode.Sealed);
        Assert.That(h.Opens, Is.EqualTo(new[] { (1ul, StatusCode.Sealed) }));
        Assert.That(h.Tails.Select(t => (t.CorrelationId, t.Status)), Is.EqualTo(new[] { (2ul, StatusCode.Sealed), (3ul, StatusCode.Sealed) }));
        h.CheckTail(4);
        Assert.That(h.Tails[^1].Status, Is.EqualTo(StatusCode.Sealed));
    }

    [Test]
    public void Paused_appenders_are_read_again_at_the_end_so_that_they_learn_of_it()
    {
        var h = new CoreHarness(options: new SequencerOptions { MaxInFlightBytes = 1000 });
        h.Append(1, size: 2000);
        Assert.That(h.Paused, Has.Count.EqualTo(1));
        h.Refuse(0, StatusCode.Sealed);
        h.Refuse(1, StatusCode.Sealed);
        Assert.That(h.Resumed, Is.EqualTo(1));
        Assert.That(h.Core.InFlightBytes, Is.EqualTo(0));
    }
}
