using Delos.Daemon.Sequencers;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Tests.Sequencers;

public class SequencerCoreAppendTests
{
    private const ulong Client = CoreHarness.Client;

    [Test]
    public void Entries_get_positions_in_order_of_arrival_and_go_to_every_replica()
    {
        var h = new CoreHarness();
        h.Append(1, 2);
        h.Append(3);
        Assert.That(h.Core.NextPosition, Is.EqualTo(3));
        for (var replica = 0; replica < 3; replica++)
        {
            var stores = h.Stores.Where(s => s.Replica == replica).ToArray();
            Assert.That(stores.Select(s => s.First), Is.EqualTo(new long[] { 0, 2 }));
            Assert.That(stores.SelectMany(s => s.Sequences), Is.EqualTo(new ulong[] { 1, 2, 3 }));
        }
    }

    [Test]
    public void Frames_of_one_receive_become_one_store()
    {
        var h = new CoreHarness();
        h.AppendFrame([1, 2]);
        h.AppendFrame([1], client: 77);
        h.AppendFrame([3]);
        Assert.That(h.Stores, Is.Empty);
        h.Core.Flush();
        Assert.That(h.Stores, Has.Count.EqualTo(3));
        Assert.That(h.Stores[0].Sequences, Is.EqualTo(new ulong[] { 1, 2, 1, 3 }));
    }

    [Test]
    public void Nothing_is_acknowledged_by_one_of_three_replicas()
    {
        var h = new CoreHarness();
        h.Append(1);
        h.Ack(0, 1);
        Assert.That(h.Replies, Is.Empty);
        Assert.That(h.Core.GlobalTail, Is.EqualTo(0));
        h.Ack(0, 1);
        Assert.That(h.Replies, Is.Empty, "the same replica twice is no majority");
        h.Ack(2, 1);
        Assert.That(h.LastReply, Is.EqualTo(new AppendReply(h.Config.Id, Client, StatusCode.Ok, 1, 1, 0, 1)));
    }

    [Test]
    public void One_answer_covers_a_range_of_neighbouring_appends()
    {
        var h = new CoreHarness();
        for (ulong sequence = 1; sequence <= 5; sequence++) h.Append(sequence);
        h.Ack(0, 5);
        h.Ack(1, 3);
        Assert.That(h.Replies, Has.Count.EqualTo(1));
        Assert.That(h.LastReply, Is.EqualTo(new AppendReply(h.Config.Id, Client, StatusCode.Ok, 1, 3, 0, 3)));
        h.Ack(2, 5);
        Assert.That(h.LastReply, Is.EqualTo(new AppendReply(h.Config.Id, Client, StatusCode.Ok, 4, 2, 3, 5)));
    }

    [Test]
    public void Each_client_is_answered_on_its_own_connection()
    {
        var h = new CoreHarness();
        var (a, b) = (new object(), new object());
        h.Append(1, waiter: a);
        h.Append(1, client: 77, waiter: b);
        h.Append(2, waiter: a);
        h.Ack(0, 3);
        h.Ack(1, 3);
        Assert.That(h.Replies.Select(r => (r.Waiter, r.Reply.ClientId, r.Reply.FirstPosition)), Is.EqualTo(new[] { (a, Client, 0L), (b, 77ul, 1L), (a, Client, 2L) }));
    }

    [Test, Category("Trap06")]
    public void The_global_tail_never_passes_a_hole()
    {
        // Of 5 replicas two hold 7 and more, but what lies below is on no majority.
        var h = new CoreHarness(5);
        h.Append(1, 8);
        h.Ack(0, 8);
        h.Ack(1, 8);
        h.Ack(2, 6);
        Assert.That(h.Core.GlobalTail, Is.EqualTo(6));
        Assert.That(h.LastReply.Count, Is.EqualTo(6));
    }

    [Test]
    public void A_single_replica_is_a_majority_of_one()
    {
        var h = new CoreHarness(1);
        h.Append(1);
        h.Ack(0, 1);
        Assert.That(h.LastReply.Status, Is.EqualTo(StatusCode.Ok));
    }

    [Test, Category("Trap17")]
    public void A_resend_of_a_committed_append_is_answered_with_its_position()
    {
        var h = new CoreHarness();
        h.Append(1, 3);
        h.Ack(0, 3);
        h.Ack(1, 3);
        h.Clear();
        var again = new object();
        h.Append(2, 2, waiter: again);
        Assert.That(h.Stores, Is.Empty);
        Assert.That(h.Core.NextPosition, Is.EqualTo(3));
        Assert.That(h.Replies.Single(), Is.EqualTo(((object)again, new AppendReply(h.Config.Id, Client, StatusCode.Ok, 2, 2, 1, 3))));
    }

    [Test, Category("Trap17")]
    public void A_resend_of_a_pending_append_is_answered_when_it_commits_on_both_connections()
    {
        var h = new CoreHarness();
        var (first, second) = (new object(), new object());
        h.Append(1, 3, waiter: first);
        h.Append(1, 3, waiter: second);
        h.Append(1, 3, waiter: second);
        Assert.That(h.Core.NextPosition, Is.EqualTo(3));
        Assert.That(h.Replies, Is.Empty);
        h.Ack(0, 3);
        h.Ack(1, 3);
        Assert.That(h.Replies.Select(r => (r.Waiter, r.Reply.FirstPosition, r.Reply.Count)), Is.EqualTo(new[] { (first, 0L, 3u), (second, 0L, 3u) }));
    }

    [Test]
    public void A_frame_that_mixes_known_and_new_appends_only_the_new()
    {
        var h = new CoreHarness();
        h.Append(2, 2);
        h.Ack(0, 2);
        h.Ack(1, 2);
        h.Clear();
        h.AppendFrame([1, 2, 3, 4, 6]);
        h.Core.Flush();
        Assert.That(h.Stores[0].Sequences, Is.EqualTo(new ulong[] { 1, 4, 6 }));
        Assert.That(h.Replies.Single().Reply, Is.EqualTo(new AppendReply(h.Config.Id, Client, StatusCode.Ok, 2, 2, 0, 2)));
        h.Ack(0, 5);
        h.Ack(1, 5);
        Assert.That(h.Replies.Skip(1).Select(r => (r.Reply.FirstSequence, r.Reply.Count, r.Reply.FirstPosition)), Is.EqualTo(new[] { (1ul, 1u, 2L), (4ul, 1u, 3L), (6ul, 1u, 4L) }));
    }

    [Test]
    public void What_lies_below_the_floor_is_refused_and_the_rest_is_taken()
    {
        var h = new CoreHarness();
        h.Append(1, 4, floor: 3);
        Assert.That(h.Replies.Single().Reply, Is.EqualTo(new AppendReply(h.Config.Id, Client, StatusCode.BelowFloor, 1, 2, -1, 0)));
        Assert.That(h.Stores[0].Sequences, Is.EqualTo(new ulong[] { 3, 4 }));
    }

    [Test, Category("Trap17")]
    public void A_late_copy_of_a_resolved_append_is_never_taken_for_new()
    {
        var h = new CoreHarness();
        h.Append(1);
        h.Append(2, floor: 2);
        h.Append(1, floor: 1);
        Assert.That(h.Core.NextPosition, Is.EqualTo(2));
        Assert.That(h.LastReply.Status, Is.EqualTo(StatusCode.BelowFloor));
    }

    [Test]
    public void A_client_too_far_above_its_floor_is_asked_to_try_again_which_promises_nothing()
    {
        var h = new CoreHarness(options: new SequencerOptions { MaxClientWindow = 100 });
        h.Append(0, 100);
        h.Clear();
        h.Append(100);
        Assert.That(h.LastReply.Status, Is.EqualTo(StatusCode.Unavailable), "it cannot be remembered as refused, and a late copy may find room");
        Assert.That(h.LastReply.FirstPosition, Is.EqualTo(-1));
        h.Append(100, floor: 1);
        Assert.That(h.Core.NextPosition, Is.EqualTo(101));
    }

    [Test]
    public void A_full_table_of_ids_ends_the_Loglet_instead_of_forgetting()
    {
        var h = new CoreHarness(options: new SequencerOptions { MaxClients = 1 });
        h.Append(1);
        h.Append(1, client: 2);
        Assert.That(h.LastReply.Status, Is.EqualTo(StatusCode.Sealed));
        Assert.That(h.EndingReason, Is.EqualTo(EndReason.TableFull));
        Assert.That(h.Seals, Is.EqualTo(new[] { 0, 1, 2 }));
    }

    [Test]
    public void Stores_are_split_at_the_batch_limit()
    {
        var h = new CoreHarness(1, new SequencerOptions { MaxBatchBytes = 300 });
        h.AppendFrame([1, 2, 3, 4, 5], size: 68);
        h.AppendFrame([6], size: 1000);
        h.AppendFrame([7], size: 68);
        h.Core.Flush();
        Assert.That(h.Stores.Select(s => (s.First, s.Count)), Is.EqualTo(new[] { (0L, 3), (3L, 2), (5L, 1), (6L, 1) }));
        Assert.That(h.Stores.SelectMany(s => s.Sequences), Is.EqualTo(new ulong[] { 1, 2, 3, 4, 5, 6, 7 }));
    }

    [Test]
    public void Reading_is_paused_above_the_bound_and_resumed_below_half_of_it()
    {
        var h = new CoreHarness(options: new SequencerOptions { MaxInFlightBytes = 10_000 });
        for (ulong sequence = 1; h.Paused.Count == 0; sequence++) h.Append(sequence, size: 1000);
        var tail = h.Core.NextPosition;
        Assert.That(tail, Is.InRange(5, 10));
        h.Ack(0, tail);
        h.Ack(1, 2);
        Assert.That(h.Resumed, Is.EqualTo(0));
        h.Ack(1, tail - 1);
        Assert.That(h.Resumed, Is.EqualTo(1));
    }

    [Test]
    public void An_acknowledgement_of_what_was_never_sent_is_ignored()
    {
        var h = new CoreHarness();
        h.Append(1);
        h.Ack(0, 9);
        h.Ack(1, 9);
        Assert.That(h.ImplausibleCount, Is.EqualTo(2));
        Assert.That(h.Replies, Is.Empty);
    }
}
