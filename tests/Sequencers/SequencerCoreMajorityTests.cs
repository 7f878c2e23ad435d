using Delos.Daemon.Sequencers;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Tests.Sequencers;

/// <summary>A sequencer that lives and cannot reach a majority of its LogServers, while clients reach both.</summary>
public class SequencerCoreMajorityTests
{
    private const ulong Client = CoreHarness.Client;

    private static readonly TimeSpan s_most = new SequencerOptions().ResignAfter - TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_rest = TimeSpan.FromMilliseconds(2);

    [Test]
    public void A_majority_out_of_reach_for_a_while_ends_the_Loglet_and_gives_pending_appends_back()
    {
        var h = new CoreHarness();
        h.Append(1, 3);
        h.Ack(0, 1);
        h.Ack(1, 1);
        Cut(h, 1, 2);
        h.Clear();
        h.Pass(s_most);
        Assert.That(h.EndingReason, Is.Null, "ordinary reconnecting takes no longer");
        Assert.That(h.Replies, Is.Empty);
        h.Pass(s_rest);
        Assert.That(h.EndingReason, Is.EqualTo(EndReason.MajorityLost));
        Assert.That(h.Seals, Is.EqualTo(new[] { 0 }));
        Assert.That(h.Replies.Single().Reply, Is.EqualTo(new AppendReply(h.Config.Id, Client, StatusCode.Unavailable, 2, 2, 1, 1)), "not Sealed: nobody has sealed a majority");
        h.Append(4);
        Assert.That(h.LastReply, Is.EqualTo(new AppendReply(h.Config.Id, Client, StatusCode.Sealed, 4, 1, -1, 1)), "this one has no position and never gets one");
        Assert.That(h.EndedReason, Is.Null);
    }

    [Test]
    public void One_of_three_out_of_reach_is_nothing()
    {
        var h = new CoreHarness();
        h.Append(1);
        Cut(h, 0);
        h.Pass(TimeSpan.FromMinutes(1));
        h.Pass(TimeSpan.FromMinutes(1));
        Assert.That(h.EndingReason, Is.Null);
    }

    [Test]
    public void A_majority_that_comes_back_in_time_begins_the_wait_anew()
    {
        var h = new CoreHarness();
        h.Append(1);
        Cut(h, 0, 1);
        h.Pass(s_most);
        h.Core.OnReplicaConnected(1);
        h.Core.OnReplicaLost(1);
        h.Pass(s_most);
        Assert.That(h.EndingReason, Is.Null);
        h.Pass(s_rest);
        Assert.That(h.EndingReason, Is.EqualTo(EndReason.MajorityLost));
    }

    [Test]
    public void A_sequencer_that_nobody_waits_for_goes_on_waiting_for_its_LogServers()
    {
        var h = new CoreHarness();
        Cut(h, 0, 1, 2);
        h.Pass(TimeSpan.FromMinutes(1));
        Assert.That(h.EndingReason, Is.Null, "all LogServers restart, and all idle logs are as they were");
        h.Append(1);
        h.Pass(s_rest);
        Assert.That(h.EndingReason, Is.EqualTo(EndReason.MajorityLost), "now somebody waits");
    }

    [Test]
    public void Requests_for_the_tail_end_nothing_and_are_answered_at_once_so_that_the_replicas_are_asked()
    {
        var h = new CoreHarness();
        Cut(h, 0, 1);
        h.Pass(s_most);
        h.CheckTail(1);
        h.CheckTail(2);
        Assert.That(h.Tails, Is.Empty);
        h.Pass(s_rest);
        Assert.That(h.Tails.Select(t => (t.CorrelationId, t.Status)), Is.EqualTo(new[] { (1ul, StatusCode.Unavailable), (2ul, StatusCode.Unavailable) }));
        Assert.That(h.EndingReason, Is.Null, "they can be answered without this sequencer, and a log that is only read goes on when the LogServers are back");
        h.Core.OnReplicaConnected(0);
        h.Clear();
        h.CheckTail(3);
        Assert.That(h.Confirms, Has.Count.EqualTo(2), "a round of its own");
    }

    [Test]
    public void A_resend_to_a_sequencer_that_gave_up_comes_back_too_instead_of_hanging()
    {
        var h = Resigned();
        h.Append(1);
        Assert.That(h.Replies, Is.Empty);
        h.Pass(s_rest);
        Assert.That(h.Replies.Single().Reply, Is.EqualTo(new AppendReply(h.Config.Id, Client, StatusCode.Unavailable, 1, 1, 0, 0)));
    }

    [Test, Category("Trap17")]
    public void An_append_given_back_keeps_its_position_and_is_told_Sealed_only_when_a_majority_is()
    {
        var h = Resigned();
        h.Core.OnReplicaConnected(1);
        h.Core.OnReplicaConnected(2);
        Assert.That(h.Seals, Is.EqualTo(new[] { 1, 2 }), "finished as soon as it can be");
        h.Append(1);
        h.Core.OnSealReply(1, StatusCode.Ok);
        Assert.That(h.Replies, Is.Empty);
        h.Core.OnSealReply(2, StatusCode.Ok);
        Assert.That(h.Replies.Single().Reply, Is.EqualTo(new AppendReply(h.Config.Id, Client, StatusCode.Sealed, 1, 1, 0, 0)));
        Assert.That(h.EndedReason, Is.EqualTo(EndReason.MajorityLost));
    }

    [Test, Category("Trap17")]
    public void An_append_given_back_may_still_commit_and_is_not_appended_again()
    {
        var h = Resigned();
        h.Core.OnReplicaConnected(1);
        h.Ack(0, 1);
        h.Ack(1, 1);
        Assert.That(h.Replies, Is.Empty, "the client was answered already");
        h.Append(1);
        Assert.That(h.Replies.Single().Reply, Is.EqualTo(new AppendReply(h.Config.Id, Client, StatusCode.Ok, 1, 1, 0, 1)));
        Assert.That(h.Core.NextPosition, Is.EqualTo(1));
    }

    [Test]
    public void An_end_that_began_otherwise_gives_pending_appends_back_as_well_when_the_majority_is_lost()
    {
        var h = new CoreHarness();
        h.Append(1);
        h.Refuse(0, StatusCode.Sealed);
        Cut(h, 1, 2);
        h.Pass(s_most);
        Assert.That(h.Replies, Is.Empty);
        h.Pass(s_rest);
        Assert.That(h.LastReply.Status, Is.EqualTo(StatusCode.Unavailable));
        Assert.That(h.EndingReason, Is.EqualTo(EndReason.SealSeen));
    }

    [Test]
    public void Paused_appenders_are_read_again_when_the_end_begins_and_refused()
    {
        var h = new CoreHarness(options: new SequencerOptions { MaxInFlightBytes = 1000 });
        h.Append(1, size: 2000);
        Assert.That(h.Paused, Has.Count.EqualTo(1));
        Cut(h, 0, 1);
        h.Pass(new SequencerOptions().ResignAfter);
        Assert.That(h.Resumed, Is.EqualTo(1));
        h.Append(2);
        Assert.That(h.LastReply.Status, Is.EqualTo(StatusCode.Sealed));
        Assert.That(h.Paused, Has.Count.EqualTo(1), "nothing more is taken, so nothing has to be held up");
    }

    private static void Cut(CoreHarness h, params int[] replicas)
    {
        foreach (var replica in replicas) h.Core.OnReplicaLost(replica);
    }

    /// <summary>Append 1 is at position 0, stored nowhere yet, and was given back.</summary>
    private static CoreHarness Resigned()
    {
        var h = new CoreHarness();
        h.Append(1);
        Cut(h, 1, 2);
        h.Pass(new SequencerOptions().ResignAfter);
        Assert.That(h.EndingReason, Is.EqualTo(EndReason.MajorityLost));
        h.Clear();
        return h;
    }
}
