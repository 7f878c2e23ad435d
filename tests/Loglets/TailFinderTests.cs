using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Tests.Loglets;

/// <summary>The five cases of checkTail and the seal, one by one (DESIGN §3).</summary>
[TestFixture]
public class TailFinderTests
{
    private static readonly LogletOptions s_options = LogletOptions.Default with { CaseFiveBound = TimeSpan.FromMilliseconds(100) };
    private static readonly LogletConfig s_config = LogletConfig.Native(
        LogletId.NewRandom(), 1, 42, [new ReplicaId(1, Guid.NewGuid()), new ReplicaId(2, Guid.NewGuid()), new ReplicaId(3, Guid.NewGuid())]);

    private DateTimeOffset _now = DateTimeOffset.UnixEpoch;

    [Test]
    public void Case_1_all_sealed_and_equal_gives_that_tail_sealed()
    {
        var finder = CheckTail(out var requests);
        Status(finder, requests[0], 7, isSealed: true);
        Assert.That(finder.Outcome, Is.EqualTo(TailOutcome.Pending));
        Status(finder, requests[2], 7, isSealed: true);
        AssertSealed(finder, 7);
    }

    [Test, Category("Trap10")]
    public void Case_2_returns_the_highest_only_after_the_laggard_of_the_majority_holds_it()
    {
        var finder = CheckTail(out var requests);
        Status(finder, requests[0], 5, isSealed: true);
        Status(finder, requests[1], 8, isSealed: true);
        var copy = Single(finder);
        Assert.That(copy, Is.EqualTo(new TailRequest(TailRequestKind.Copy, copy.Round, 0, 1, 5, 8)));

        finder.OnMoved(copy, StatusCode.Ok, 7, _now);
        Assert.That(finder.Outcome, Is.EqualTo(TailOutcome.Pending), "one entry is missing still");
        copy = Single(finder);
        Assert.That((copy.First, copy.End), Is.EqualTo((7, 8)));
        finder.OnMoved(copy, StatusCode.Ok, 8, _now);
        AssertSealed(finder, 8);
    }

    [Test]
    public void Case_3_one_sealed_finishes_the_seal_and_starts_over_from_the_tails_after_it()
    {
        var finder = CheckTail(out var requests);
        Status(finder, requests[0], 5, isSealed: true);
        Status(finder, requests[1], 5, isSealed: false);
        var seals = Take(finder);
        Assert.That(seals.Select(r => (r.Kind, r.Replica)), Is.EqualTo(new[] { (TailRequestKind.Seal, 0), (TailRequestKind.Seal, 1), (TailRequestKind.Seal, 2) }));

        // The second one went on storing until its own seal: the tail of its status does not count any more.
        Seal(finder, seals[0], 5);
        Seal(finder, seals[1], 6);
        var copy = Single(finder);
        Assert.That((copy.Replica, copy.Source, copy.First, copy.End), Is.EqualTo((0, 1, 5, 6)));
        finder.OnMoved(copy, StatusCode.Ok, 6, _now);
        AssertSealed(finder, 6);
    }

    [Test]
    public void Case_3_does_not_wait_for_a_silent_majority_before_it_seals()
    {
        var finder = CheckTail(out var requests);
        Status(finder, requests[0], 5, isSealed: true);
        Tick(finder);
        Assert.That(Take(finder).Select(r => r.Kind), Is.All.EqualTo(TailRequestKind.Seal));
    }

    [Test, Category("Trap01")]
    public void An_answer_of_a_round_that_was_given_up_counts_for_nothing()
    {
        var finder = CheckTail(out var requests);
        Status(finder, requests[0], 5, isSealed: true);
        Status(finder, requests[1], 5, isSealed: false);
        var seals = Take(finder);
        Status(finder, requests[2], 5, isSealed: true);
        Seal(finder, seals[0], 5);
        Assert.That(finder.Outcome, Is.EqualTo(TailOutcome.Pending), "the third one's answer was to an older question");
    }

    [Test]
    public void Case_4_none_sealed_and_equal_gives_that_tail_open()
    {
        var finder = CheckTail(out var requests);
        Status(finder, requests[1], 9, isSealed: false);
        Status(finder, requests[2], 9, isSealed: false);
        Assert.That((finder.Outcome, finder.Tail), Is.EqualTo((TailOutcome.Open, 9)));
    }

    [Test]
    public void Case_5_waits_until_the_global_tail_reaches_the_highest()
    {
        var finder = CheckTail(out var requests);
        Status(finder, requests[0], 9, isSealed: false, globalTail: 8);
        Status(finder, requests[1], 8, isSealed: false, globalTail: 8);
        Assert.That(finder.Outcome, Is.EqualTo(TailOutcome.Pending));
        Tick(finder);
        var again = Take(finder);
        Assert.That(again.Select(r => r.Kind), Is.Not.Empty.And.All.EqualTo(TailRequestKind.Status));
        Status(finder, again[0], 12, isSealed: false, globalTail: 9);
        Assert.That((finder.Outcome, finder.Tail), Is.EqualTo((TailOutcome.Open, 9)));
    }

    [Test, Category("Trap11")]
    public void Case_5_with_a_dead_sequencer_ends_at_its_bound()
    {
        var finder = CheckTail(out var requests);
        Status(finder, requests[0], 9, isSealed: false, globalTail: 8);
        Status(finder, requests[1], 8, isSealed: false, globalTail: 8);
        var began = _now;
        for (var i = 0; i < 1000 && finder.Outcome == TailOutcome.Pending; i++)
        {
            Tick(finder);
            foreach (var request in Take(finder)) Status(finder, request, request.Replica == 1 ? 8 : 9, isSealed: false, globalTail: 8, answers: request.Replica != 2);
        }

        Assert.That(finder.Outcome, Is.EqualTo(TailOutcome.MustSealAndExtend));
        Assert.That(_now - began, Is.EqualTo(s_options.CaseFiveBound).Within(s_options.MaxRetryDelay));
    }

    [Test]
    public void Case_5_that_meets_a_seal_finishes_it()
    {
        var finder = CheckTail(out var requests);
        Status(finder, requests[0], 9, isSealed: false);
        Status(finder, requests[1], 8, isSealed: false);
        Status(finder, requests[2], 8, isSealed: true);
        Assert.That(Take(finder).Select(r => r.Kind), Is.All.EqualTo(TailRequestKind.Seal));
    }

    [Test, Category("Trap09")]
    public void A_replica_that_knows_nothing_confirms_nothing()
    {
        var finder = CheckTail(out var requests);
        foreach (var request in requests)
        {
            finder.OnStatus(request, new StatusReply(StatusCode.NotFound, 0, false, 0, 0, 0, false), _now);
        }

        Assert.That(finder.Outcome, Is.EqualTo(TailOutcome.Pending), "three times 'never heard of it' is not an empty log");
        Tick(finder);
        Assert.That(Take(finder), Has.Count.EqualTo(3), "they are asked again");
    }

    [Test, Category("Trap07")]
    public void An_open_replica_of_another_incarnation_confirms_nothing()
    {
        var finder = CheckTail(out var requests);
        foreach (var request in requests) finder.OnStatus(request, new StatusReply(StatusCode.Ok, s_config.Incarnation + 1, false, 3, 3, 0, false), _now);
        Assert.That(finder.Outcome, Is.EqualTo(TailOutcome.Pending));
    }

    [Test]
    public void A_tombstone_ends_the_search()
    {
        var finder = CheckTail(out var requests);
        finder.OnStatus(requests[1], new StatusReply(StatusCode.Deleted, 0, true, 0, 0, 0, false), _now);
        Assert.That(finder.Outcome, Is.EqualTo(TailOutcome.Deleted));
        Assert.That(finder.TryTakeRequest(out _), Is.False);
    }

    [Test]
    public void Seal_needs_a_majority_and_asks_those_that_failed_again()
    {
        var finder = SealAll(out var seals);
        Seal(finder, seals[0], 4);
        finder.OnFailed(seals[1], _now);
        finder.OnFailed(seals[2], _now);
        Assert.That(finder.Outcome, Is.EqualTo(TailOutcome.Pending));
        Tick(finder);
        var again = Take(finder);
        Assert.That(again.Select(r => (r.Kind, r.Replica)), Is.EquivalentTo(new[] { (TailRequestKind.Seal, 1), (TailRequestKind.Seal, 2) }));
        Seal(finder, again[0], 4);
        AssertSealed(finder, 4);
    }

    [Test, Category("Trap10")]
    public void A_laggard_that_dies_during_repair_is_replaced_by_another_sealed_one()
    {
        var finder = SealAll(out var seals);
        Seal(finder, seals[0], 3);
        Seal(finder, seals[1], 6);
        var copy = Single(finder);
        Seal(finder, seals[2], 4);
        finder.OnFailed(copy, _now);
        var other = Single(finder);
        Assert.That((other.Replica, other.Source, other.First, other.End), Is.EqualTo((2, 1, 4, 6)));
        finder.OnMoved(other, StatusCode.Ok, 6, _now);
        AssertSealed(finder, 6);
    }

    [Test, Category("Trap10")]
    public void A_source_that_dies_during_repair_makes_it_start_over_with_the_others()
    {
        var finder = SealAll(out var seals);
        Seal(finder, seals[0], 3);
        Seal(finder, seals[1], 6);
        var copy = Single(finder);
        finder.OnSourceFailed(copy, damaged: false, _now);
        Assert.That(finder.Outcome, Is.EqualTo(TailOutcome.Pending));
        Tick(finder);
        seals = Take(finder);
        Assert.That(seals.Select(r => r.Kind), Is.All.EqualTo(TailRequestKind.Seal));
        Seal(finder, seals[0], 3);
        Seal(finder, seals[2], 3);
        AssertSealed(finder, 3);
    }

    [Test]
    public void A_damaged_source_is_not_asked_for_that_position_again()
    {
        var finder = SealAll(out var seals);
        Seal(finder, seals[0], 3);
        Seal(finder, seals[1], 6);
        var copy = Single(finder);
        finder.OnSourceFailed(copy, damaged: true, _now);
        Assert.That(finder.TryTakeRequest(out _), Is.False);
        Seal(finder, seals[2], 5);
        copy = Single(finder);
        Assert.That((copy.Replica, copy.Source, copy.First), Is.EqualTo((2, 1, 5)), "from 5 on it has not failed");
        finder.OnMoved(copy, StatusCode.Ok, 6, _now);
        AssertSealed(finder, 6);
    }

    [Test, Category("Trap18")]
    public void A_laggard_below_the_trim_point_of_the_source_jumps_there_first()
    {
        var finder = SealAll(out var seals);
        Seal(finder, seals[0], 3);
        Seal(finder, seals[1], 9, trimPoint: 6);
        var jump = Single(finder);
        Assert.That((jump.Kind, jump.Replica, jump.First), Is.EqualTo((TailRequestKind.Jump, 0, 6)));
        finder.OnMoved(jump, StatusCode.Ok, 6, _now);
        var copy = Single(finder);
        Assert.That((copy.Kind, copy.First, copy.End), Is.EqualTo((TailRequestKind.Copy, 6, 9)));
    }

    [Test]
    public void A_source_that_was_trimmed_meanwhile_makes_the_laggard_jump()
    {
        var finder = SealAll(out var seals);
        Seal(finder, seals[0], 3);
        Seal(finder, seals[1], 9);
        finder.OnSourceTrimmed(Single(finder), 9, _now);
        var jump = Single(finder);
        Assert.That((jump.Kind, jump.First), Is.EqualTo((TailRequestKind.Jump, 9)));
        finder.OnMoved(jump, StatusCode.Ok, 9, _now);
        AssertSealed(finder, 9);
    }

    [Test]
    public void A_repair_without_progress_is_not_taken_for_one()
    {
        var finder = SealAll(out var seals);
        Seal(finder, seals[0], 3);
        Seal(finder, seals[1], 4);
        finder.OnMoved(Single(finder), StatusCode.DiskFull, 3, _now);
        Assert.That(finder.Outcome, Is.EqualTo(TailOutcome.Pending));
        Tick(finder);
        Assert.That(Take(finder).Select(r => r.Kind), Is.All.EqualTo(TailRequestKind.Seal));
    }

    private TailFinder CheckTail(out List<TailRequest> requests)
    {
        var finder = new TailFinder(s_config, s_options, seal: false, _now);
        requests = Take(finder);
        Assert.That(requests.Select(r => (r.Kind, r.Replica)), Is.EqualTo(new[] { (TailRequestKind.Status, 0), (TailRequestKind.Status, 1), (TailRequestKind.Status, 2) }));
        return finder;
    }

    private TailFinder SealAll(out List<TailRequest> requests)
    {
        var finder = new TailFinder(s_config, s_options, seal: true, _now);
        requests = Take(finder);
        Assert.That(requests.Select(r => (r.Kind, r.Replica)), Is.EqualTo(new[] { (TailRequestKind.Seal, 0), (TailRequestKind.Seal, 1), (TailRequestKind.Seal, 2) }));
        return finder;
    }

    private void Status(TailFinder finder, TailRequest request, long tail, bool isSealed, long globalTail = 0, bool answers = true)
    {
        if (answers) finder.OnStatus(request, new StatusReply(StatusCode.Ok, s_config.Incarnation, isSealed, tail, globalTail, 0, false), _now);
        else finder.OnFailed(request, _now);
    }

    private void Seal(TailFinder finder, TailRequest request, long tail, long trimPoint = 0) => finder.OnSealed(request, new SealReply(StatusCode.Ok, tail, trimPoint), _now);

    private void Tick(TailFinder finder)
    {
        Assert.That(finder.NextTick, Is.Not.Null, "nothing would ever wake it");
        _now = finder.NextTick!.Value;
        finder.OnTick(_now);
    }

    private static List<TailRequest> Take(TailFinder finder)
    {
        var requests = new List<TailRequest>();
        while (finder.TryTakeRequest(out var request)) requests.Add(request);
        return requests;
    }

    private static TailRequest Single(TailFinder finder)
    {
        var requests = Take(finder);
        Assert.That(requests, Has.Count.EqualTo(1));
        return requests[0];
    }

    private static void AssertSealed(TailFinder finder, long tail) => Assert.That((finder.Outcome, finder.Tail), Is.EqualTo((TailOutcome.Sealed, tail)));
}
