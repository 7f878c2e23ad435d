using Delos.Daemon.MetaStore;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Tests.MetaStore;

/// <summary>The acceptor's rules, one by one.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class AcceptorCoreTests
{
    private readonly AcceptorCore _core = new(new AcceptorLimits { MaxValueBytes = 100, MaxNameBytes = 10, MaxRegisters = 2 });


    [Test]
    public void A_lower_ballot_than_promised_is_rejected_in_both_phases()
    {
        Assert.That(Prepare(1, 5).Status, Is.EqualTo(StatusCode.Ok));
        var prepare = Prepare(1, 4);
        Assert.That((prepare.Status, prepare.Promised.Round), Is.EqualTo((StatusCode.Rejected, 5ul)));
        Assert.That(Accept(1, 4, 1).Status, Is.EqualTo(StatusCode.Rejected));
        Assert.That(Accept(1, 5, 1).Status, Is.EqualTo(StatusCode.Ok));
    }

    [Test]
    public void A_promise_tells_what_was_accepted_in_that_instance()
    {
        Accept(1, 3, 42);
        var same = Prepare(1, 4);
        Assert.That((same.Accepted.Round, same.Value.Span[0]), Is.EqualTo((3ul, (byte)42)));
        var next = Prepare(2, 5);
        Assert.That((next.Status, next.NewestInstance, next.Accepted.IsNone, next.Value.Length), Is.EqualTo((StatusCode.Ok, 1ul, true, 0)));
    }

    [Test]
    public void A_promise_for_a_later_instance_does_not_drop_the_accepted_value()
    {
        Accept(1, 3, 42);
        Prepare(2, 5);
        var read = _core.Read(new MetaRead("r"));
        Assert.That((read.NewestInstance, read.Accepted.Round, read.Value.Span[0]), Is.EqualTo((1ul, 3ul, (byte)42)));
    }

    [Test]
    public void Below_the_newest_instance_everything_is_superseded()
    {
        Accept(1, 3, 42);
        Accept(2, 4, 43);
        var prepare = Prepare(1, 9);
        Assert.That((prepare.Status, prepare.NewestInstance, prepare.Value.Span[0]), Is.EqualTo((StatusCode.Superseded, 2ul, (byte)43)));
        Assert.That(Accept(1, 9, 44).Status, Is.EqualTo(StatusCode.Superseded));
    }

    [Test]
    public void An_acceptor_that_was_away_accepts_the_instance_that_is_due()
    {
        Accept(1, 3, 42);
        Assert.That(Prepare(8, 20).Status, Is.EqualTo(StatusCode.Ok));
        Assert.That(Accept(8, 20, 50).NewestInstance, Is.EqualTo(8));
    }

    [Test]
    public void A_resent_request_is_answered_again_and_writes_nothing()
    {
        Prepare(1, 5);
        Assert.That(_core.Prepare(new MetaPrepare("r", 1, new Ballot(5, 1)), out var next).Status, Is.EqualTo(StatusCode.Ok));
        Assert.That(next, Is.Null);
        Accept(1, 5, 1);
        Assert.That(_core.Accept(new MetaAccept("r", 1, new Ballot(5, 1), new byte[] { 1 }), out next).Status, Is.EqualTo(StatusCode.Ok));
        Assert.That(next, Is.Null);
    }

    [Test]
    public void One_ballot_with_two_values_is_refused()
    {
        Accept(1, 5, 1);
        Assert.That(Accept(1, 5, 2).Status, Is.EqualTo(StatusCode.Malformed));
    }

    [Test]
    public void Limits_hold()
    {
        Assert.That(_core.Accept(new MetaAccept("r", 1, new Ballot(1, 1), new byte[101]), out _).Status, Is.EqualTo(StatusCode.LimitExceeded));
        Assert.That(_core.Prepare(new MetaPrepare("12345678901", 1, new Ballot(1, 1)), out _).Status, Is.EqualTo(StatusCode.Malformed));
        Assert.That(_core.Prepare(new MetaPrepare("r", 0, new Ballot(1, 1)), out _).Status, Is.EqualTo(StatusCode.Malformed));
        Accept(1, 1, 1);
        _core.Prepare(new MetaPrepare("s", 1, new Ballot(1, 1)), out var second);
        _core.Apply(second!);
        Assert.That(_core.Prepare(new MetaPrepare("t", 1, new Ballot(1, 1)), out var third).Status, Is.EqualTo(StatusCode.LimitExceeded));
        Assert.That(third, Is.Null);
    }

    private MetaPrepareReply Prepare(ulong instance, ulong round)
    {
        var reply = _core.Prepare(new MetaPrepare("r", instance, new Ballot(round, 1)), out var next);
        if (next is not null) _core.Apply(next);
        return reply;
    }

    private MetaAcceptReply Accept(ulong instance, ulong round, byte value)
    {
        var reply = _core.Accept(new MetaAccept("r", instance, new Ballot(round, 1), new[] { value }), out var next);
        if (next is not null) _core.Apply(next);
        return reply;
    }
}
