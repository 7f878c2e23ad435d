using Delos.Daemon.Sequencers;
using Delos.Protocol.Framing;

namespace Delos.Tests.Sequencers;

public class SequencerCoreReplicaTests
{
    private static (long First, int Count)[] StoresTo(CoreHarness h, int replica) => [.. h.Stores.Where(s => s.Replica == replica).Select(s => (s.First, s.Count))];

    [Test]
    public void A_new_connection_is_told_the_config_and_gets_again_what_was_not_acknowledged()
    {
        var h = new CoreHarness();
        h.Append(1);
        h.Append(2);
        h.Append(3);
        h.Ack(0, 1);
        h.Core.OnReplicaLost(0);
        h.Append(4);
        h.Clear();
        h.Core.OnReplicaConnected(0);
        Assert.That(StoresTo(h, 0), Is.EqualTo(new[] { (1L, 0), (1L, 1), (2L, 1), (3L, 1) }));
        Assert.That(h.Stores.Select(s => s.WithConfig), Is.EqualTo(new[] { true, false, false, false }));
    }

    [Test]
    public void An_out_of_order_replica_is_resent_from_its_accepted_tail_once()
    {
        var h = new CoreHarness();
        for (ulong sequence = 1; sequence <= 4; sequence++) h.Append(sequence);
        h.Clear();
        h.Refuse(1, StatusCode.OutOfOrder, accepted: 1);
        h.Refuse(1, StatusCode.OutOfOrder, accepted: 1);
        h.Refuse(1, StatusCode.OutOfOrder, accepted: 1);
        Assert.That(StoresTo(h, 1), Is.EqualTo(new[] { (1L, 1), (2L, 1), (3L, 1) }));
        h.Clear();
        h.Pass(TimeSpan.FromSeconds(0.1));
        Assert.That(StoresTo(h, 1), Is.EqualTo(new[] { (1L, 1), (2L, 1), (3L, 1) }), "the resend itself may have been lost");
    }

    [Test]
    public void A_replica_that_accepted_half_a_batch_gets_the_batch_again()
    {
        var h = new CoreHarness();
        h.Append(1, 4);
        h.Clear();
        h.Refuse(1, StatusCode.OutOfOrder, accepted: 2);
        Assert.That(StoresTo(h, 1), Is.EqualTo(new[] { (0L, 4) }));
    }

    [Test]
    public void Need_of_the_config_is_met_by_a_resend_that_carries_it()
    {
        var h = new CoreHarness();
        h.Append(1);
        h.Append(2);
        h.Clear();
        h.Refuse(2, StatusCode.NeedConfig);
        h.Refuse(2, StatusCode.NeedConfig);
        var stores = h.Stores.Where(s => s.Replica == 2 && s.Count > 0).ToArray();
        Assert.That(stores.Select(s => (s.First, s.WithConfig)), Is.EqualTo(new[] { (0L, true), (1L, false) }));
    }

    [Test]
    public void Any_answer_but_Ok_acknowledges_nothing([Values] StatusCode status)
    {
        if (status == StatusCode.Ok) return;
        var h = new CoreHarness();
        h.Append(1);
        h.Ack(0, 1);
        h.Refuse(1, status, accepted: 1, durable: 1);
        Assert.That(h.Core.GlobalTail, Is.EqualTo(0));
        Assert.That(h.Core.Replicas[1].AckedTail, Is.EqualTo(0));
    }

    [Test]
    public void A_stuck_replica_is_sent_its_first_unacknowledged_batch_again()
    {
        var h = new CoreHarness();
        h.Append(1);
        h.Append(2);
        h.Append(3);
        h.Ack(0, 3);
        h.Ack(1, 1);
        h.Ack(2, 3);
        h.Clear();
        h.Pass(TimeSpan.FromSeconds(3));
        Assert.That(h.Stores.Select(s => (s.Replica, s.First)), Is.EqualTo(new[] { (1, 1L) }));
    }

    [Test]
    public void A_replica_gets_no_more_than_its_share_of_unacknowledged_bytes()
    {
        var h = new CoreHarness(options: new SequencerOptions { MaxReplicaInFlightBytes = 5_000 });
        for (ulong sequence = 1; sequence <= 10; sequence++) h.Append(sequence, size: 1000);
        Assert.That(StoresTo(h, 2), Has.Length.EqualTo(4));
        h.Ack(2, 2);
        Assert.That(StoresTo(h, 2), Has.Length.EqualTo(6));
    }

    [Test]
    public void A_laggard_is_told_the_tail_until_it_has_refilled_itself_and_then_gets_stores_again()
    {
        var h = new CoreHarness(options: new SequencerOptions { MaxRetainedBytes = 3_000, MaxReplicaInFlightBytes = 2_000 });
        ulong sequence = 1;
        for (; sequence <= 20; sequence++)
        {
            h.Append(sequence, size: 1000);
            h.Ack(0, (long)sequence);
            h.Ack(1, (long)sequence);
        }

        h.Refuse(2, StatusCode.OutOfOrder, accepted: 1);
        Assert.That(h.Core.Replicas[2].IsLagging);
        Assert.That(h.Core.RetainedBytes, Is.LessThanOrEqualTo(3_000));
        h.Clear();
        h.Pass(TimeSpan.FromSeconds(0.2));
        Assert.That(h.Announced, Is.EqualTo(new[] { (2, 20L) }));
        Assert.That(h.Confirms, Is.EqualTo(new[] { (2, 0ul) }), "asks how far it has come");
        h.Confirm(2, 0, 10);
        Assert.That(h.Core.Replicas[2].IsLagging, "the window begins further up");
        h.Append(sequence, size: 1000);
        Assert.That(StoresTo(h, 2), Is.Empty);
        h.Clear();
        h.Confirm(2, 0, 20);
        Assert.That(h.Core.Replicas[2].IsLagging, Is.False);
        Assert.That(StoresTo(h, 2), Is.EqualTo(new[] { (20L, 1) }));
    }

    [Test]
    public void A_laggard_that_does_not_know_the_Loglet_is_told_its_config_until_it_does()
    {
        // A node that was away when the Loglet began: its LogServer was still starting when the connection came up, so that the first store was lost on it.
        var h = new CoreHarness(options: new SequencerOptions { MaxRetainedBytes = 0, RetainForLost = TimeSpan.Zero }, connect: false);
        for (var i = 0; i < 2; i++)
        {
            h.Core.OnReplicaConnected(i);
            h.Ack(i, 0);
        }

        h.Append(1, size: 1000);
        h.Ack(0, 1);
        h.Ack(1, 1);
        h.Core.OnReplicaConnected(2);
        Assert.That(h.Core.Replicas[2].IsLagging);
        h.Clear();
        h.Pass(TimeSpan.FromSeconds(0.2));
        h.Confirm(2, 0, 0, StatusCode.NotFound);
        Assert.That(h.Stores.Select(s => (s.Replica, s.Count, s.WithConfig)), Is.EqualTo(new[] { (2, 0, true) }));
        h.Clear();
        h.Ack(2, 0);
        h.Pass(TimeSpan.FromSeconds(0.2));
        Assert.That(h.Announced, Is.EqualTo(new[] { (2, 1L) }), "it learns up to where it has to refill itself");
    }

    [Test]
    public void A_replica_whose_LogServer_is_starting_is_tried_again_soon_with_the_config()
    {
        var h = new CoreHarness(connect: false);
        for (var i = 0; i < 3; i++) h.Core.OnReplicaConnected(i);
        h.Append(1);
        h.Refuse(2, StatusCode.Unavailable);
        h.Refuse(2, StatusCode.Unavailable);
        h.Clear();
        h.Pass(TimeSpan.FromSeconds(0.2));
        Assert.That(h.Stores.Select(s => (s.Replica, s.First, s.Count, s.WithConfig)), Is.EqualTo(new[] { (2, 0L, 1, true) }));
        h.Ack(2, 1);
        Assert.That(h.Core.Replicas[2].AckedTail, Is.EqualTo(1));
    }

    [Test]
    public void Committed_entries_are_released_when_every_replica_within_reach_has_them()
    {
        var h = new CoreHarness();
        h.Append(1, size: 1000);
        h.Ack(0, 1);
        h.Ack(1, 1);
        Assert.That(h.Core.RetainedBytes, Is.GreaterThan(1000));
        h.Ack(2, 1);
        Assert.That(h.Core.RetainedBytes, Is.EqualTo(0));
    }

    [Test]
    public void Committed_entries_are_kept_for_a_lost_replica_for_a_while_only()
    {
        var h = new CoreHarness();
        h.Core.OnReplicaLost(2);
        h.Append(1, size: 1000);
        h.Ack(0, 1);
        h.Ack(1, 1);
        h.Pass(TimeSpan.FromSeconds(4));
        Assert.That(h.Core.RetainedBytes, Is.GreaterThan(1000));
        h.Pass(TimeSpan.FromSeconds(2));
        Assert.That(h.Core.RetainedBytes, Is.EqualTo(0));
        h.Clear();
        h.Core.OnReplicaConnected(2);
        Assert.That(h.Core.Replicas[2].IsLagging);
        Assert.That(StoresTo(h, 2), Is.EqualTo(new[] { (0L, 0) }));
    }

    [Test]
    public void Appends_are_refused_while_a_majority_has_no_room_and_pending_ones_complete_when_it_has()
    {
        var h = new CoreHarness();
        h.Append(1);
        h.Append(2);
        h.Refuse(0, StatusCode.DiskFull);
        h.Append(3);
        Assert.That(h.Replies, Is.Empty, "one full replica of three hinders nobody");
        h.Refuse(1, StatusCode.DiskFull);
        h.Append(4);
        Assert.That((h.LastReply.Status, h.LastReply.FirstSequence, h.LastReply.FirstPosition), Is.EqualTo((StatusCode.DiskFull, 4ul, -1L)));
        h.Ack(2, 3);
        Assert.That(h.Replies, Has.Count.EqualTo(1), "an assigned position is not given up");
        h.Clear();
        h.Pass(TimeSpan.FromSeconds(0.2));
        Assert.That(h.Stores.Select(s => (s.Replica, s.First)), Is.EqualTo(new[] { (0, 0L), (1, 0L) }), "one store is tried");
        h.Refuse(0, StatusCode.DiskFull);
        h.Ack(1, 1);
        Assert.That(StoresTo(h, 1), Is.EqualTo(new[] { (0L, 1), (1L, 1), (2L, 1) }));
        h.Ack(1, 3);
        Assert.That(h.Replies.Sum(r => r.Reply.Count), Is.EqualTo(3));
        h.Append(5, floor: 5);
        Assert.That(h.Core.NextPosition, Is.EqualTo(4));
    }

    [Test]
    public void A_full_replica_that_lags_counts_as_full_until_it_has_caught_up()
    {
        var h = new CoreHarness(options: new SequencerOptions { MaxRetainedBytes = 3_000 });
        h.Append(1, size: 1000);
        h.Refuse(2, StatusCode.DiskFull);
        ulong sequence = 2;
        for (; sequence <= 20; sequence++)
        {
            h.Append(sequence, size: 1000);
            h.Ack(0, (long)sequence);
            h.Ack(1, (long)sequence);
        }

        // Its own refill found room for five entries. Nothing is sent to it now that could be refused.
        h.Ack(2, 5);
        Assert.That(h.Core.Replicas[2].IsLagging);
        h.Core.OnReplicaLost(2);
        h.Core.OnReplicaConnected(2);
        h.Append(sequence, size: 1000);
        h.Refuse(1, StatusCode.DiskFull, accepted: 20);
        h.Clear();
        h.Append(22, floor: 22);
        Assert.That(h.Replies.Select(r => r.Reply.Status), Is.EqualTo(new[] { StatusCode.DiskFull }), "only one of three can take it");

        h.Ack(2, 20);
        Assert.That(h.Core.Replicas[2].IsLagging, Is.False);
        h.Append(23, floor: 23);
        Assert.That(h.Core.NextPosition, Is.EqualTo(22));
    }

    [Test, Category("Trap17")]
    public void A_late_copy_of_a_refused_append_is_refused_again_and_never_appended()
    {
        var h = new CoreHarness();
        h.Append(1);
        h.Refuse(0, StatusCode.DiskFull);
        h.Refuse(1, StatusCode.DiskFull);
        h.Append(2, 3);
        Assert.That((h.LastReply.Status, h.LastReply.FirstSequence, h.LastReply.Count), Is.EqualTo((StatusCode.DiskFull, 2ul, 3u)));
        h.Ack(0, 1);
        h.Ack(1, 1);
        h.Clear();
        h.AppendFrame([1, 2, 3, 4, 5], waiter: "a former connection, paused until now");
        h.Core.Flush();
        Assert.That(h.Replies.Select(r => (r.Reply.Status, r.Reply.FirstSequence, r.Reply.Count, r.Reply.FirstPosition)), Is.EqualTo(new[]
        {
            (StatusCode.Ok, 1ul, 1u, 0L), (StatusCode.DiskFull, 2ul, 3u, -1L),
        }));
        Assert.That(StoresTo(h, 0), Is.EqualTo(new[] { (1L, 1) }), "only what was not refused before");
        Assert.That(h.Core.NextPosition, Is.EqualTo(2));
    }

    [Test, Category("Trap17")]
    public void A_refused_append_stays_refused_when_the_Loglet_has_ended()
    {
        var h = new CoreHarness();
        h.Append(1);
        h.Refuse(0, StatusCode.DiskFull);
        h.Refuse(1, StatusCode.DiskFull);
        h.Append(2);
        h.Refuse(0, StatusCode.Sealed);
        h.Refuse(1, StatusCode.Sealed);
        h.Append(2);
        Assert.That(h.LastReply.Status, Is.EqualTo(StatusCode.DiskFull));
    }

    [Test]
    public void A_replica_that_could_not_be_created_for_want_of_room_is_tried_again()
    {
        var h = new CoreHarness(connect: false);
        for (var i = 0; i < 3; i++) h.Core.OnReplicaConnected(i);
        h.Refuse(0, StatusCode.DiskFull);
        h.Refuse(1, StatusCode.DiskFull);
        h.Append(1);
        Assert.That(h.LastReply.Status, Is.EqualTo(StatusCode.DiskFull));
        h.Clear();
        h.Pass(TimeSpan.FromSeconds(0.2));
        Assert.That(h.Stores.All(s => s is { Count: 0, WithConfig: true }));
        h.Ack(0, 0);
        h.Append(2, floor: 2);
        Assert.That(h.Core.NextPosition, Is.EqualTo(1));
    }

    [Test]
    public void Where_readers_wait_for_the_tail_it_is_told_at_once_unless_a_store_has_just_taken_it_along()
    {
        var h = new CoreHarness();
        h.Append(1);
        h.Append(2);
        h.Ack(2, 1, wantsTail: true);
        Assert.That(h.Announced, Is.Empty, "nothing is committed yet");
        h.Ack(0, 1);
        Assert.That(h.Announced, Is.EqualTo(new[] { (2, 1L) }), "the second append is on its way, and another store may be far");
        h.Clear();
        h.Append(3);
        h.Append(4);
        h.Ack(1, 3);
        Assert.That(h.Announced, Is.Empty);
        h.Core.OnStoreAck(2, StatusCode.Ok, 3, 4, wantsTail: true);
        h.Append(5);
        Assert.That(h.Announced, Is.Empty, "the store of the fifth carries it");
        Assert.That(h.Stores.Last(s => s.Replica == 2).GlobalTail, Is.EqualTo(3));
        h.Ack(2, 3);
        h.Ack(0, 4);
        h.Ack(1, 4);
        Assert.That(h.Announced, Is.Empty, "the readers have gone");
    }

    [Test, Category("Trap19")]
    public void The_last_commit_is_announced_as_soon_as_nothing_is_on_its_way()
    {
        var h = new CoreHarness();
        h.Append(1);
        h.Append(2);
        h.Ack(0, 1);
        h.Ack(1, 1);
        Assert.That(h.Announced, Is.Empty, "the store of the second append is out, another may carry the tail");
        h.Ack(0, 2);
        h.Ack(1, 2);
        Assert.That(h.Announced, Is.EqualTo(new[] { (0, 2L), (1, 2L), (2, 2L) }));
        h.Clear();
        h.Ack(2, 1);
        h.Pass(TimeSpan.FromSeconds(0.15));
        Assert.That(h.Announced, Is.EqualTo(new[] { (2, 2L) }), "repeated to who lacks something below it");
        h.Ack(2, 2);
        h.Clear();
        h.Pass(TimeSpan.FromSeconds(0.15));
        Assert.That(h.Announced, Is.Empty);
    }

    /// <summary>It is told on the thread that brings the last acknowledgement; only a replica that is behind already is not waited for.</summary>
    [Test, Category("Trap19")]
    public void A_replica_that_kept_up_is_awaited_before_the_tail_is_told_and_one_that_is_behind_is_not()
    {
        var h = new CoreHarness();
        h.Append(1);
        h.Core.OnStoreAck(0, StatusCode.Ok, 1, 1);
        Assert.That(h.Core.TailNews, Is.EqualTo(TailNews.None), "not committed");
        h.Core.OnStoreAck(1, StatusCode.Ok, 1, 1);
        Assert.That(h.Core.TailNews, Is.EqualTo(TailNews.Awaited));
        h.Core.OnStoreAck(2, StatusCode.Ok, 1, 1);
        Assert.That(h.Core.TailNews, Is.EqualTo(TailNews.Now));
        h.Core.TellTail();
        Assert.That(h.Core.TailNews, Is.EqualTo(TailNews.None));
        Assert.That(h.Announced, Is.EqualTo(new[] { (0, 1L), (1, 1L), (2, 1L) }));

        h.Append(2);
        h.Core.OnStoreAck(0, StatusCode.Ok, 2, 2);
        h.Core.OnStoreAck(1, StatusCode.Ok, 2, 2);
        Assert.That(h.Core.TailNews, Is.EqualTo(TailNews.Awaited));
        h.Append(3);
        h.Core.OnStoreAck(0, StatusCode.Ok, 3, 3);
        h.Core.OnStoreAck(1, StatusCode.Ok, 3, 3);
        Assert.That(h.Core.TailNews, Is.EqualTo(TailNews.Later), "it missed a commit");
        h.Core.OnReplicaLost(2);
        Assert.That(h.Core.TailNews, Is.EqualTo(TailNews.Now));
    }

    [Test, Category("Trap19")]
    public void A_tail_whose_last_acknowledgement_does_not_come_is_told_at_the_next_tick()
    {
        var h = new CoreHarness();
        h.Append(1);
        h.Core.OnStoreAck(0, StatusCode.Ok, 1, 1);
        h.Core.OnStoreAck(1, StatusCode.Ok, 1, 1);
        h.Clear();
        h.Core.OnTick((long)h.Options.TickInterval.TotalMilliseconds);
        Assert.That(h.Announced, Is.EqualTo(new[] { (0, 1L), (1, 1L), (2, 1L) }));
    }

    [Test]
    public void Stores_carry_the_global_tail()
    {
        var h = new CoreHarness();
        h.Append(1);
        h.Ack(0, 1);
        h.Ack(1, 1);
        h.Append(2);
        Assert.That(h.Stores[^1].GlobalTail, Is.EqualTo(1));
    }

    [Test]
    public void Opening_is_answered_when_a_majority_of_the_replicas_exist()
    {
        var h = new CoreHarness(connect: false);
        h.Core.OnOpen(h, 5);
        h.Core.OnReplicaConnected(0);
        h.Core.OnReplicaConnected(1);
        Assert.That(h.Stores.Select(s => (s.Replica, s.Count, s.WithConfig)), Is.EqualTo(new[] { (0, 0, true), (1, 0, true) }));
        h.Ack(0, 0);
        Assert.That(h.Opens, Is.Empty);
        h.Ack(1, 0);
        Assert.That(h.Opens, Is.EqualTo(new[] { (5ul, StatusCode.Ok) }));
        h.Core.OnOpen(h, 6);
        Assert.That(h.Opens[^1], Is.EqualTo((6ul, StatusCode.Ok)));
    }

    [Test]
    public void Opening_without_a_majority_is_answered_Unavailable_in_time()
    {
        var h = new CoreHarness(connect: false);
        h.Core.OnOpen(h, 5);
        h.Pass(TimeSpan.FromSeconds(0.9));
        Assert.That(h.Opens, Is.Empty);
        h.Pass(TimeSpan.FromSeconds(0.2));
        Assert.That(h.Opens, Is.EqualTo(new[] { (5ul, StatusCode.Unavailable) }));
    }
}
