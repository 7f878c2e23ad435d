using Delos.Client;
using Delos.Runtime;

namespace Delos.Tests.Runtime;

/// <summary>Who waits for the replica to have applied everything below a position.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class CursorWaitersTests
{
    private readonly CursorWaiters _waiters = new();

    [Test]
    public void Those_who_wait_for_one_position_share_a_task_which_ends_when_it_is_reached()
    {
        var (first, second, later) = (_waiters.WaitAsync(5), _waiters.WaitAsync(5), _waiters.WaitAsync(6));
        Assert.That((first == second, first == later), Is.EqualTo((true, false)));
        _waiters.Advance(4);
        Assert.That(first.IsCompleted, Is.False);
        _waiters.Advance(5);
        Assert.That((first.IsCompletedSuccessfully, later.IsCompleted, _waiters.WaitAsync(5).IsCompletedSuccessfully), Is.EqualTo((true, false, true)));
    }

    [Test]
    public void Who_gives_up_takes_nobody_else_along()
    {
        var waiting = _waiters.WaitAsync(5);
        _waiters.WaitAsync(5);
        _waiters.GiveUp(5, waiting);
        Assert.That(_waiters.WaitAsync(5), Is.SameAs(waiting), "one waits still");
        _waiters.GiveUp(5, waiting);
        _waiters.Advance(5);
        Assert.That(waiting.IsCompletedSuccessfully, Is.True);
    }

    [Test]
    public void Of_a_position_that_all_gave_up_nothing_is_kept()
    {
        var former = _waiters.WaitAsync(5);
        _waiters.WaitAsync(5);
        _waiters.GiveUp(5, former);
        _waiters.GiveUp(5, former);
        var anew = _waiters.WaitAsync(5);
        Assert.That(anew, Is.Not.SameAs(former), "the former one was forgotten");

        // One that gives up too late, or twice, does not end the wait of those who came since.
        _waiters.GiveUp(5, former);
        Assert.That(_waiters.WaitAsync(5), Is.SameAs(anew));
        _waiters.Advance(9);
        Assert.That((anew.IsCompletedSuccessfully, former.IsCompleted), Is.EqualTo((true, false)));
        _waiters.GiveUp(5, anew);
    }

    [Test]
    public void A_replica_that_stops_fails_those_who_wait_and_those_who_come()
    {
        var waiting = _waiters.WaitAsync(5);
        _waiters.Stop(new DelosException(DelosErrorCode.Unavailable, "stopped"));
        Assert.That((waiting.IsFaulted, _waiters.WaitAsync(5).IsFaulted), Is.EqualTo((true, true)));
        _waiters.GiveUp(5, waiting);
        _waiters.Stop(null);
        var anew = _waiters.WaitAsync(5);
        _waiters.Advance(5);
        Assert.That(anew.IsCompletedSuccessfully, Is.True);
    }
}
