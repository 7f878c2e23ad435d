using Delos.Daemon.Monitoring;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Tests.Monitoring;

/// <summary>When an active segment is to be replaced, and by whom.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class SegmentHealthTests
{
    private static readonly MonitorOptions s_options = new();
    private static readonly LogletConfig s_config = LogletConfig.Native(new LogletId(0, 1), 1, 7, [new ReplicaId(1, Guid.Empty), new ReplicaId(2, Guid.Empty), new ReplicaId(3, Guid.Empty)]);
    private readonly SegmentHealth _health = new(s_config, s_options);

    [Test]
    [Category("Trap12")]
    public void One_sealed_replica_and_no_successor_is_reason_enough()
    {
        _health.OnStatus(1, StatusCode.Ok, isSealed: true, TimeSpan.Zero);
        Assert.That(_health.Judge(s_options.SealedGrace - TimeSpan.FromMilliseconds(1), []), Is.Null, "whoever sealed it gets his time");
        _health.OnStatus(1, StatusCode.Ok, isSealed: true, s_options.SealedGrace);
        Assert.That(_health.Judge(s_options.SealedGrace, [])?.Reason, Does.Contain("sealed"));
    }

    [Test]
    public void A_replica_that_is_not_known_there_proves_nothing()
    {
        _health.OnStatus(1, StatusCode.NotFound, isSealed: false, TimeSpan.Zero);
        Assert.That(_health.Judge(TimeSpan.FromHours(1), [4]), Is.Null);
    }

    [Test]
    public void A_lost_LogServer_is_replaced_after_the_grace_if_there_is_a_spare()
    {
        _health.OnLost(2, TimeSpan.Zero);
        Assert.That(_health.Judge(s_options.LostGrace, []), Is.Null, "no spare");
        Assert.That(_health.Judge(s_options.LostGrace - TimeSpan.FromMilliseconds(1), [4]), Is.Null, "it may come back");
        Assert.That(_health.Judge(s_options.LostGrace, [4])?.Failed, Is.EqualTo(2));
    }

    [Test]
    public void A_LogServer_that_came_back_begins_anew()
    {
        _health.OnLost(2, TimeSpan.Zero);
        _health.OnStatus(2, StatusCode.Ok, isSealed: false, TimeSpan.FromSeconds(1));
        _health.OnLost(2, TimeSpan.FromSeconds(1.5));
        Assert.That(_health.Judge(TimeSpan.FromSeconds(3), [4]), Is.Null);
        Assert.That(_health.Judge(TimeSpan.FromSeconds(3.5), [4]), Is.Not.Null);
    }
}
