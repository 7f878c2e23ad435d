using Delos.LocalStorage;
using Delos.Runtime;

namespace Delos.Tests.Snapshots;

[TestFixture]
public class SnapshotLeasesTests
{
    private static readonly SnapshotInfo s_a = new(100, 1);
    private static readonly SnapshotInfo s_b = new(200, 1);
    private static readonly SnapshotInfo s_c = new(200, 2);

    [Test]
    public void Lease_lasts_for_its_time_after_the_last_part_and_no_longer()
    {
        var leases = new SnapshotLeases(TimeSpan.FromSeconds(60), 2);
        Assert.That(leases.IsHeld(s_a, At(0)), Is.False);
        Assert.That(leases.Renew(s_a, At(0)), Is.True);
        Assert.That(leases.IsHeld(s_a, At(59.9)), Is.True);
        Assert.That(leases.IsHeld(s_a, At(60)), Is.False);
        Assert.That(leases.Renew(s_a, At(50)), Is.True);
        Assert.That(leases.IsHeld(s_a, At(109.9)), Is.True);
        Assert.That(leases.IsHeld(s_a, At(110)), Is.False);
        Assert.That(leases.IsHeld(s_b, At(55)), Is.False, "another one");
    }

    [Test]
    public void No_more_are_held_than_allowed_until_one_is_over()
    {
        var leases = new SnapshotLeases(TimeSpan.FromSeconds(60), 2);
        Assert.That(leases.Renew(s_a, At(0)), Is.True);
        Assert.That(leases.Renew(s_b, At(10)), Is.True);
        Assert.That(leases.Renew(s_c, At(20)), Is.False);
        Assert.That(leases.IsHeld(s_c, At(20)), Is.False);
        Assert.That(leases.Renew(s_a, At(30)), Is.True, "who has one goes on");
        Assert.That(leases.Renew(s_c, At(70)), Is.True, "that of b is over");
        Assert.That((leases.IsHeld(s_a, At(70)), leases.IsHeld(s_b, At(70)), leases.IsHeld(s_c, At(70))), Is.EqualTo((true, false, true)));
    }

    [Test]
    public void What_is_gone_leaves_its_place_to_another()
    {
        var leases = new SnapshotLeases(TimeSpan.FromSeconds(60), 1);
        Assert.That(leases.Renew(s_a, At(0)), Is.True);
        leases.End(s_a);
        Assert.That(leases.IsHeld(s_a, At(1)), Is.False);
        Assert.That(leases.Renew(s_b, At(1)), Is.True);
    }

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);
}
