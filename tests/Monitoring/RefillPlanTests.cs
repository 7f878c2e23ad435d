using Delos.Daemon.LogServers;
using Delos.Daemon.Monitoring;
using Delos.Protocol.Chains;
using Delos.Protocol.Identity;

namespace Delos.Tests.Monitoring;

/// <summary>What a replica is given by its peers, and up to where (DESIGN §3, LogServer rules 4 to 6).</summary>
public sealed class RefillPlanTests
{
    private static readonly LogletConfig s_config = LogletConfig.Native(new LogletId(0, 1), 1, 7, [new ReplicaId(1, Guid.Empty)]);
    private static readonly Segment s_sealed = new(100, 150, s_config, Guid.Empty, 1);
    private static readonly Segment s_active = new(100, null, s_config, Guid.Empty, 1);

    [Test]
    public void A_complete_sealed_replica_needs_nothing() => Assert.That(RefillPlan.Make(s_sealed.Parts[0], Replica(50)), Is.Null);

    [Test]
    public void A_replica_that_is_missing_is_sealed_and_filled_up_to_the_stop()
    {
        var plan = RefillPlan.Make(s_sealed.Parts[0], null)!;
        Assert.That((plan.MustSeal, plan.From, plan.To, plan.Bound), Is.EqualTo((true, 0L, 50L, 50L)));
    }

    [Test]
    public void A_replica_that_missed_the_seal_is_sealed_even_if_it_holds_everything() => Assert.That(RefillPlan.Make(s_sealed.Parts[0], Replica(60, isSealed: false))!.MustSeal);

    [Test]
    public void A_replica_of_the_active_segment_is_filled_up_to_the_announced_global_tail_only()
    {
        var plan = RefillPlan.Make(s_active.Parts[0], Replica(10, isSealed: false, globalTail: 30))!;
        Assert.That((plan.MustSeal, plan.Stop, plan.From, plan.To, plan.Bound), Is.EqualTo((false, (long?)null, 10L, 30L, 30L)));
        Assert.That(RefillPlan.Make(s_active.Parts[0], null), Is.Null, "its sequencer creates it");
    }

    [Test]
    public void A_sealed_replica_of_the_active_segment_is_never_filled_beyond_the_global_tail() =>
        Assert.That(RefillPlan.Make(s_active.Parts[0], Replica(30, isSealed: true, globalTail: 30)), Is.Null);

    [Test]
    [Category("Trap26")]
    public void Damaged_ranges_are_fetched_again_between_trim_point_and_bound()
    {
        var plan = RefillPlan.Make(s_sealed.Parts[0], Replica(60, trim: 5, unknown: [new PositionRange(0, 10), new PositionRange(20, 21), new PositionRange(45, 55), new PositionRange(55, 60)]))!;
        Assert.That(plan.Damaged, Is.EqualTo(new[] { new PositionRange(5, 10), new PositionRange(20, 21), new PositionRange(45, 50) }));
    }

    [Test]
    public void Damage_behind_the_stop_is_given_up_and_not_fetched()
    {
        var plan = RefillPlan.Make(s_sealed.Parts[0], Replica(60, unknown: [new PositionRange(50, 60)]))!;
        Assert.That((plan.HasHiddenTail, plan.Damaged.Count), Is.EqualTo((true, 0)));
    }

    [Test]
    public void A_deleted_replica_stays_deleted() => Assert.That(RefillPlan.Make(s_sealed.Parts[0], Replica(0) with { IsDeleted = true }), Is.Null);

    [Test]
    public void Each_stripe_is_filled_up_to_its_own_share_of_the_segment()
    {
        var stripes = Enumerable.Range(2, 3).Select(i => LogletConfig.Native(new LogletId(0, (ulong)i), 1, 7, s_config.Replicas)).ToArray();
        var segment = new Segment(100, 111, LogletConfig.Striped(new LogletId(0, 9), stripes), Guid.Empty, 1);
        Assert.That(segment.Parts.Select(p => (p.Loglet.Id, RefillPlan.Make(p, null)!.To)), Is.EqualTo(new[] { (stripes[0].Id, 4L), (stripes[1].Id, 4L), (stripes[2].Id, 3L) }));
        Assert.That((segment with { Stop = null }).Parts.Select(p => p.Stop), Is.All.Null);
    }

    private static ReplicaSnapshot Replica(long tail, bool isSealed = true, long globalTail = 0, long trim = 0, IReadOnlyList<PositionRange>? unknown = null) =>
        new(s_config.Id, s_config, isSealed, false, tail, globalTail, trim, unknown ?? [], false);
}
