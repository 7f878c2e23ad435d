using Delos.Daemon.LogServers;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Tests.LogServers;

/// <summary>DESIGN §3, LogServer rules 1–3, 5 and 6, clause by clause. The address of a record is its number: record n ends at n.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ReplicaCoreTests
{
    private const ulong Incarnation = 7;
    private readonly LogletConfig _config = LogletConfig.Native(new LogletId(0, 1), 1, Incarnation, [new ReplicaId(1, Guid.NewGuid())]);
    private readonly ReplicaCore _core;
    private long _address;

    public ReplicaCoreTests() => _core = ReplicaCore.New(_config);

    [Test]
    public void A_store_is_acknowledged_only_once_it_is_durable()
    {
        Store(0, 3);
        Assert.That((_core.AcceptedTail, _core.DurableTail), Is.EqualTo((3L, 0L)));
        Assert.That(_core.Durable(_address).AckTail, Is.EqualTo(3));
        Assert.That(_core.DurableTail, Is.EqualTo(3));
    }

    [Test]
    public void One_acknowledgement_covers_all_stores_of_a_commit()
    {
        Store(0, 3);
        Store(3, 2);
        Store(5, 1);
        Assert.That(_core.Durable(2).AckTail, Is.EqualTo(5));
        Assert.That(_core.Durable(2).Any, Is.False);
        Assert.That(_core.Durable(3).AckTail, Is.EqualTo(6));
    }

    [Test]
    public void The_bytes_of_durable_stores_are_given_back()
    {
        Store(0, 1, bytes: 100);
        Store(1, 1, bytes: 50);
        Assert.That(_core.Durable(1).Bytes, Is.EqualTo(100));
        Assert.That(_core.Durable(2).Bytes, Is.EqualTo(50));
    }

    [Test]
    public void A_store_of_another_incarnation_is_refused_and_its_global_tail_not_believed()
    {
        Assert.That(_core.AdmitStore(Incarnation + 1, 0, 1, 5).Status, Is.EqualTo(StatusCode.WrongIncarnation));
        Assert.That(_core.GlobalTail, Is.Zero);
        Assert.That(_core.Confirm(Incarnation + 1), Is.EqualTo(StatusCode.WrongIncarnation));
        Assert.That(_core.AnnounceGlobalTail(Incarnation + 1, 5), Is.False);
    }

    [Test, Category("Trap06")]
    public void A_store_beyond_the_accepted_tail_is_out_of_order_and_one_at_a_queued_tail_is_not()
    {
        Store(0, 6);
        Assert.That(_core.AdmitStore(Incarnation, 7, 1, 0).Status, Is.EqualTo(StatusCode.OutOfOrder));
        Assert.That(_core.AdmitStore(Incarnation, 6, 1, 0), Is.EqualTo(new StoreDecision(StatusCode.Ok, 0)));
        Assert.That(_core.AcceptedTail, Is.EqualTo(6));
    }

    [Test]
    public void Of_a_partly_held_store_the_rest_is_stored()
    {
        Store(0, 4);
        Assert.That(_core.AdmitStore(Incarnation, 2, 5, 0), Is.EqualTo(new StoreDecision(StatusCode.Ok, 2)));
    }

    [Test]
    public void A_duplicate_of_a_queued_store_is_held_but_not_durable()
    {
        Store(0, 4);
        Assert.That(_core.AdmitStore(Incarnation, 1, 2, 0), Is.EqualTo(new StoreDecision(StatusCode.Ok, 2)));
        Assert.That(_core.DurableTail, Is.Zero);
    }

    [Test, Category("Trap01")]
    public void After_seal_and_repair_a_late_duplicate_store_answers_Sealed()
    {
        Store(0, 2);
        Seal();
        _core.Durable(_address);
        Assert.That(_core.AdmitRepair(2, 2).Status, Is.EqualTo(StatusCode.Ok));
        _core.CopyQueued(2, 2, 0, ++_address);
        var effects = _core.Durable(_address);
        Assert.That((effects.Copied, effects.AckTail), Is.EqualTo((true, -1L)));
        Assert.That(_core.AdmitStore(Incarnation, 0, 4, 0).Status, Is.EqualTo(StatusCode.Sealed));
        Assert.That(_core.AdmitStore(Incarnation, 4, 1, 0).Status, Is.EqualTo(StatusCode.Sealed));
    }

    [Test, Category("Trap02")]
    public void A_seal_is_complete_only_when_the_stores_before_it_are_durable()
    {
        Store(0, 3);
        Seal();
        Assert.That(_core.Seal, Is.EqualTo(SealState.Queued));
        var stores = _core.Durable(1);
        Assert.That((stores.AckTail, stores.BecameSealed), Is.EqualTo((3L, false)));
        Assert.That(_core.Seal, Is.EqualTo(SealState.Queued));
        Assert.That(_core.Durable(2).BecameSealed, Is.True);
        Assert.That((_core.Seal, _core.DurableTail), Is.EqualTo((SealState.Sealed, 3L)));
    }

    [Test, Category("Trap02")]
    public void Stores_that_became_durable_in_the_commit_of_the_seal_are_still_acknowledged()
    {
        Store(0, 3);
        Seal();
        var effects = _core.Durable(_address);
        Assert.That((effects.AckTail, effects.BecameSealed), Is.EqualTo((3L, true)));
    }

    [Test]
    public void Stores_behind_a_queued_seal_fail_duplicates_too_and_so_does_a_confirm()
    {
        Store(0, 3);
        Seal();
        Assert.That(_core.AdmitStore(Incarnation, 3, 1, 0).Status, Is.EqualTo(StatusCode.Sealed));
        Assert.That(_core.AdmitStore(Incarnation, 0, 3, 0).Status, Is.EqualTo(StatusCode.Sealed));
        Assert.That(_core.Confirm(Incarnation), Is.EqualTo(StatusCode.Sealed));
    }

    [Test]
    public void A_seal_is_asked_for_once()
    {
        Assert.That(_core.AdmitSeal(), Is.EqualTo(SealDecision.MustAppend));
        Seal();
        Assert.That(_core.AdmitSeal(), Is.EqualTo(SealDecision.Wait));
        _core.Durable(_address);
        Assert.That(_core.AdmitSeal(), Is.EqualTo(SealDecision.Sealed));
    }

    [Test]
    public void A_sequencer_hears_Sealed_before_it_hears_of_another_incarnation()
    {
        Seal();
        Assert.That(_core.AdmitStore(Incarnation + 1, 0, 1, 9).Status, Is.EqualTo(StatusCode.Sealed));
        Assert.That(_core.GlobalTail, Is.Zero);
    }

    [Test]
    public void Repair_copies_need_a_durable_seal_and_leave_no_hole()
    {
        Assert.That(_core.AdmitRepair(0, 1).Status, Is.EqualTo(StatusCode.NotSealed));
        Seal();
        Assert.That(_core.AdmitRepair(0, 1).Status, Is.EqualTo(StatusCode.NotSealed));
        _core.Durable(_address);
        Assert.That(_core.AdmitRepair(1, 1).Status, Is.EqualTo(StatusCode.OutOfOrder));
        Assert.That(_core.AdmitRepair(0, 5), Is.EqualTo(new StoreDecision(StatusCode.Ok, 0)));
        _core.CopyQueued(0, 5, 0, ++_address);
        Assert.That(_core.AdmitRepair(3, 4), Is.EqualTo(new StoreDecision(StatusCode.Ok, 2)));
    }

    [Test, Category("Trap03")]
    public void Repair_does_not_raise_the_global_tail()
    {
        Seal();
        _core.Durable(_address);
        _core.CopyQueued(0, 5, 0, ++_address);
        _core.Durable(_address);
        Assert.That((_core.DurableTail, _core.GlobalTail), Is.EqualTo((5L, 0L)));
    }

    [Test]
    public void A_deleted_replica_answers_Deleted_to_everything()
    {
        Store(0, 1);
        _core.Delete();
        Assert.That(_core.AdmitStore(Incarnation, 0, 1, 0).Status, Is.EqualTo(StatusCode.Deleted));
        Assert.That(_core.AdmitSeal(), Is.EqualTo(SealDecision.Deleted));
        Assert.That(_core.AdmitRepair(0, 1).Status, Is.EqualTo(StatusCode.Deleted));
        Assert.That(_core.AdmitRefill(0, 1).Status, Is.EqualTo(StatusCode.Deleted));
        Assert.That(_core.AdmitRead(0, 1, 1, false).Status, Is.EqualTo(StatusCode.Deleted));
        Assert.That(_core.AdmitTrim(1, 1).Status, Is.EqualTo(StatusCode.Deleted));
        Assert.That(_core.Confirm(Incarnation), Is.EqualTo(StatusCode.Deleted));
        Assert.That(_core.Durable(_address).AckTail, Is.EqualTo(-1));
    }

    [Test, Category("Trap19")]
    public void A_store_without_entries_or_an_announcement_brings_the_global_tail()
    {
        Store(0, 2);
        _core.Durable(_address);
        Assert.That(_core.AdmitStore(Incarnation, 2, 0, 1), Is.EqualTo(new StoreDecision(StatusCode.Ok, 0)));
        Assert.That(_core.GlobalTail, Is.EqualTo(1));
        Assert.That(_core.AnnounceGlobalTail(Incarnation, 2), Is.True);
        Assert.That(_core.AnnounceGlobalTail(Incarnation, 1), Is.False);
        Assert.That(_core.GlobalTail, Is.EqualTo(2));
    }

    [Test]
    public void A_laggard_is_refilled_in_order_up_to_the_global_tail_and_acknowledges_what_it_then_holds()
    {
        _core.AnnounceGlobalTail(Incarnation, 4);
        Assert.That(_core.IsBehind, Is.True);
        Assert.That(_core.AdmitRefill(1, 2).Status, Is.EqualTo(StatusCode.OutOfOrder));
        Assert.That(_core.AdmitRefill(0, 5).Status, Is.EqualTo(StatusCode.LimitExceeded));
        Assert.That(_core.AdmitRefill(0, 4), Is.EqualTo(new StoreDecision(StatusCode.Ok, 0)));
        _core.StoreQueued(0, 4, 0, ++_address);
        Assert.That(_core.Durable(_address).AckTail, Is.EqualTo(4));
        Assert.That(_core.IsBehind, Is.False);
    }

    [Test, Category("Trap26")]
    public void Damage_never_lowers_the_tail_and_a_patch_ends_it()
    {
        Store(0, 10);
        _core.Durable(_address);
        _core.FoundDamage(3, 5);
        Assert.That((_core.DurableTail, _core.IsBehind), Is.EqualTo((10L, true)));
        Assert.That(_core.Confirm(Incarnation), Is.EqualTo(StatusCode.Ok));
        Assert.That(_core.AdmitPatch(3, 8), Is.EqualTo(StatusCode.OutOfOrder));
        Assert.That(_core.AdmitPatch(3, 2), Is.EqualTo(StatusCode.Ok));
        _core.CopyQueued(3, 2, 0, ++_address);
        Assert.That(_core.Unknown.IsEmpty, Is.False);
        Assert.That(_core.Durable(_address).AckTail, Is.EqualTo(-1));
        Assert.That((_core.Unknown.IsEmpty, _core.DurableTail), Is.EqualTo((true, 10L)));
    }

    [Test, Category("Trap26")]
    public void A_repair_over_damaged_positions_is_taken_whole()
    {
        Store(0, 10);
        Seal();
        _core.Durable(_address);
        _core.FoundDamage(3, 5);
        Assert.That(_core.AdmitRepair(2, 4), Is.EqualTo(new StoreDecision(StatusCode.Ok, 0)));
        Assert.That(_core.AdmitRepair(6, 4), Is.EqualTo(new StoreDecision(StatusCode.Ok, 4)));
    }

    [Test, Category("Trap26")]
    public void Recovered_holes_are_unknown_and_keep_the_tail()
    {
        _core.RecoverEntries(0, 3);
        _core.RecoverUnknown(3, 6);
        _core.RecoverEntries(6, 4);
        Assert.That((_core.DurableTail, _core.AcceptedTail), Is.EqualTo((10L, 10L)));
        Assert.That(_core.Unknown.Ranges, Is.EqualTo(new[] { new PositionRange(3, 6) }));
        _core.RecoverEntries(3, 3);
        Assert.That((_core.Unknown.IsEmpty, _core.DurableTail), Is.EqualTo((true, 10L)));
    }

    [Test, Category("Trap26")]
    public void Where_damage_may_have_hidden_a_seal_the_replica_claims_nothing_before_it_is_sealed()
    {
        _core.RecoverEntries(0, 3);
        _core.RecoverDamage();
        Assert.That(_core.AdmitStore(Incarnation, 3, 1, 0).Status, Is.EqualTo(StatusCode.Corrupt));
        Assert.That(_core.Confirm(Incarnation), Is.EqualTo(StatusCode.Corrupt));
        Assert.That(_core.AdmitStatus(), Is.EqualTo(StatusCode.Corrupt));
        Assert.That(_core.AdmitSeal(), Is.EqualTo(SealDecision.MustAppend));
        Seal();
        _core.Durable(_address);
        Assert.That((_core.AdmitStatus(), _core.AdmitSeal(), _core.DurableTail), Is.EqualTo((StatusCode.Ok, SealDecision.Sealed, 3L)));
    }

    [Test, Category("Trap26")]
    public void Where_damage_hides_the_tail_none_is_stated_before_all_below_an_installed_stop_is_held()
    {
        _core.RecoverEntries(0, 3);
        _core.RecoverUnknown(3, long.MaxValue);
        Seal();
        _core.Durable(_address);
        Assert.That((_core.AdmitStatus(), _core.AdmitSeal()), Is.EqualTo((StatusCode.Corrupt, SealDecision.Unknown)));
        Assert.That(_core.AdmitRead(3, 5, 5, false).Status, Is.EqualTo(StatusCode.Corrupt));
        Assert.That(_core.TailFound(5), Is.False);
        _core.CopyQueued(3, 2, 0, ++_address);
        _core.Durable(_address);
        Assert.That(_core.TailFound(5), Is.True);
        Assert.That((_core.AdmitStatus(), _core.AdmitSeal()), Is.EqualTo((StatusCode.Ok, SealDecision.Sealed)));
    }

    [Test]
    public void A_recovered_replica_is_open_until_a_seal_was_recovered()
    {
        _core.RecoverEntries(0, 3);
        Assert.That(_core.AdmitStore(Incarnation, 3, 1, 0).Status, Is.EqualTo(StatusCode.Ok));
        _core.RecoverSeal();
        Assert.That(_core.AdmitStore(Incarnation, 3, 1, 0).Status, Is.EqualTo(StatusCode.Sealed));
    }

    [Test]
    public void Without_its_config_a_recovered_replica_asks_for_it()
    {
        var core = ReplicaCore.Recovered();
        core.RecoverEntries(0, 3);
        Assert.That(core.AdmitStore(Incarnation, 3, 1, 0).Status, Is.EqualTo(StatusCode.NeedConfig));
        Assert.That(core.Confirm(Incarnation), Is.EqualTo(StatusCode.NeedConfig));
        core.AdoptConfig(_config);
        Assert.That(core.AdmitStore(Incarnation, 3, 1, 0).Status, Is.EqualTo(StatusCode.Ok));
    }

    [Test]
    public void Stores_allocate_nothing()
    {
        for (var i = 0; i < 1000; i++) Step(i);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 1000; i < 20_000; i++) Step(i);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);

        void Step(long position)
        {
            if (_core.AdmitStore(Incarnation, position, 1, position).Status != StatusCode.Ok) throw new InvalidOperationException();
            _core.StoreQueued(position, 1, 128, ++_address);
            if (position % 10 == 9) _core.Durable(_address);
        }
    }

    private void Store(long first, uint count, int bytes = 0)
    {
        Assert.That(_core.AdmitStore(Incarnation, first, count, 0), Is.EqualTo(new StoreDecision(StatusCode.Ok, 0)));
        _core.StoreQueued(first, count, bytes, ++_address);
    }

    private void Seal() => _core.SealQueued(++_address);
}
