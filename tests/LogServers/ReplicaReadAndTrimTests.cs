using Delos.Daemon.LogServers;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Tests.LogServers;

/// <summary>DESIGN §3, LogServer rules 4 and 7, clause by clause.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ReplicaReadAndTrimTests
{
    private const ulong Incarnation = 7;
    private readonly ReplicaCore _core;

    /// <summary>Ten entries, of which eight are durable.</summary>
    public ReplicaReadAndTrimTests()
    {
        _core = ReplicaCore.New(LogletConfig.Native(new LogletId(0, 1), 1, Incarnation, [new ReplicaId(1, Guid.NewGuid())]));
        _core.StoreQueued(0, 8, 0, 1);
        _core.StoreQueued(8, 2, 0, 2);
        _core.Durable(1);
    }

    [Test]
    public void A_read_stops_at_its_bound_whatever_is_held()
    {
        Assert.That(_core.AdmitRead(2, 100, 5, false), Is.EqualTo(new ReadDecision(StatusCode.Ok, 5)));
        Assert.That(_core.AdmitRead(2, 4, 5, false), Is.EqualTo(new ReadDecision(StatusCode.Ok, 4)));
        Assert.That(_core.AdmitRead(5, 100, 5, false), Is.EqualTo(new ReadDecision(StatusCode.Ok, 5)));
    }

    [Test]
    public void Below_the_bound_a_replica_without_the_entry_lags_and_never_says_nothing()
    {
        Assert.That(_core.AdmitRead(8, 100, 10, false).Status, Is.EqualTo(StatusCode.Lagging));
        Assert.That(_core.AdmitRead(6, 100, 10, false), Is.EqualTo(new ReadDecision(StatusCode.Ok, 8)));
    }

    [Test]
    public void A_read_for_repair_needs_a_durable_seal_and_sees_all_that_is_durable()
    {
        Assert.That(_core.AdmitRead(0, 100, 0, true).Status, Is.EqualTo(StatusCode.NotSealed));
        _core.SealQueued(3);
        Assert.That(_core.AdmitRead(0, 100, 0, true).Status, Is.EqualTo(StatusCode.NotSealed));
        _core.Durable(3);
        Assert.That(_core.AdmitRead(0, 100, 0, true), Is.EqualTo(new ReadDecision(StatusCode.Ok, 10)));
        Assert.That(_core.AdmitRead(10, 100, 0, true).Status, Is.EqualTo(StatusCode.Lagging));
    }

    [Test, Category("Trap26")]
    public void Damaged_positions_answer_Corrupt_and_are_never_skipped()
    {
        _core.FoundDamage(3, 5);
        Assert.That(_core.AdmitRead(0, 8, 8, false), Is.EqualTo(new ReadDecision(StatusCode.Ok, 3)));
        Assert.That(_core.AdmitRead(3, 8, 8, false).Status, Is.EqualTo(StatusCode.Corrupt));
        Assert.That(_core.AdmitRead(5, 8, 8, false), Is.EqualTo(new ReadDecision(StatusCode.Ok, 8)));
    }

    [Test]
    public void Below_the_trim_point_the_answer_is_Trimmed()
    {
        _core.AnnounceGlobalTail(Incarnation, 8);
        Trim(4, 4);
        Assert.That(_core.AdmitRead(3, 8, 8, false).Status, Is.EqualTo(StatusCode.Trimmed));
        Assert.That(_core.AdmitRead(4, 8, 8, false).Status, Is.EqualTo(StatusCode.Ok));
    }

    [Test, Category("Trap18")]
    public void A_trim_is_clamped_to_what_is_known_to_be_committed()
    {
        _core.AnnounceGlobalTail(Incarnation, 3);
        Assert.That(_core.AdmitTrim(9, 0), Is.EqualTo(new TrimDecision(StatusCode.Ok, 3, true)));
        Assert.That(_core.AdmitTrim(9, 6), Is.EqualTo(new TrimDecision(StatusCode.Ok, 6, true)));
    }

    [Test, Category("Trap18")]
    public void A_trim_above_a_stale_tail_reports_the_point_achieved()
    {
        _core.AnnounceGlobalTail(Incarnation, 3);
        Trim(9, 0);
        Assert.That(_core.TrimPoint, Is.EqualTo(3));
        Assert.That(_core.AdmitTrim(2, 0), Is.EqualTo(new TrimDecision(StatusCode.Ok, 3, false)));
    }

    [Test]
    public void A_trim_is_not_in_force_before_it_is_durable()
    {
        _core.TrimQueued(4, 3);
        Assert.That(_core.TrimPoint, Is.Zero);
        Assert.That(_core.AdmitTrim(4, 4), Is.EqualTo(new TrimDecision(StatusCode.Ok, 4, false)));
        Assert.That(_core.Durable(3).Trimmed, Is.True);
        Assert.That(_core.TrimPoint, Is.EqualTo(4));
    }

    [Test]
    public void The_tails_of_a_laggard_jump_to_the_trim_point()
    {
        Trim(20, 20);
        Assert.That((_core.TrimPoint, _core.DurableTail, _core.AcceptedTail), Is.EqualTo((20L, 20L, 20L)));
        Assert.That(_core.AdmitStore(Incarnation, 18, 4, 0), Is.EqualTo(new StoreDecision(StatusCode.Ok, 2)));
    }

    [Test]
    public void A_trim_that_jumps_past_queued_stores_keeps_the_log_dense()
    {
        _core.TrimQueued(20, 3);
        _core.StoreQueued(20, 2, 0, 4);
        Assert.That(_core.Durable(2).AckTail, Is.EqualTo(10));
        Assert.That(_core.Durable(3).AckTail, Is.EqualTo(20));
        Assert.That(_core.Durable(4).AckTail, Is.EqualTo(22));
    }

    [Test]
    public void A_trim_of_a_sealed_laggard_acknowledges_nothing_to_a_sequencer()
    {
        _core.SealQueued(3);
        _core.Durable(3);
        _core.TrimQueued(20, 4);
        Assert.That(_core.Durable(4).AckTail, Is.EqualTo(-1));
        Assert.That(_core.DurableTail, Is.EqualTo(20));
    }

    [Test]
    public void Damage_below_the_trim_point_is_forgotten()
    {
        _core.FoundDamage(3, 5);
        Trim(4, 8);
        Assert.That(_core.Unknown.Ranges, Is.EqualTo(new[] { new PositionRange(4, 5) }));
    }

    [Test]
    public void A_recovered_trim_point_moves_the_tails_too()
    {
        var core = ReplicaCore.Recovered();
        core.RecoverEntries(0, 3);
        core.RecoverTrim(5);
        core.RecoverEntries(5, 2);
        Assert.That((core.TrimPoint, core.DurableTail, core.Unknown.IsEmpty), Is.EqualTo((5L, 7L, true)));
    }

    [Test]
    public void A_subscriber_is_sent_what_is_held_and_committed_or_durable_and_below_an_installed_stop()
    {
        Assert.That(_core.PushLimit(long.MaxValue, -1), Is.Zero);
        _core.AnnounceGlobalTail(Incarnation, 6);
        Assert.That(_core.PushLimit(long.MaxValue, -1), Is.EqualTo(6));
        _core.AnnounceGlobalTail(Incarnation, 9);
        Assert.That(_core.PushLimit(long.MaxValue, -1), Is.EqualTo(9), "not durable here, but on a majority");
        Assert.That(_core.PushLimit(long.MaxValue, 9), Is.EqualTo(8), "a stop does not say whose entries lie below it");
        _core.AnnounceGlobalTail(Incarnation, 12);
        Assert.That(_core.PushLimit(long.MaxValue, -1), Is.EqualTo(10));
        Assert.That(_core.PushLimit(5, -1), Is.EqualTo(5));
        Assert.That(_core.PushLimit(long.MaxValue, 7), Is.EqualTo(7));
    }

    private void Trim(long position, long bound)
    {
        _core.TrimQueued(_core.AdmitTrim(position, bound).Target, 3);
        _core.Durable(3);
    }
}
