using Delos.Client.Tables;
using Delos.Protocol.Messages;
using Delos.Runtime;

namespace Delos.Tests.TableService;

/// <summary>How a client numbers its writes.</summary>
public sealed class ProposalSessionTests
{
    private readonly ProposalSession _session = new(7);

    [Test]
    public void The_floor_is_the_lowest_number_without_an_answer()
    {
        var session = new ProposalSession(7);
        var numbers = Enumerable.Range(0, 4).Select(_ => Next(session)).ToArray();
        Assert.That((numbers, session.Floor), Is.EqualTo((new ulong[] { 1, 2, 3, 4 }, 1UL)));
        session.Answered(2);
        session.Answered(3);
        Assert.That(session.Floor, Is.EqualTo(1));
        session.Answered(1);
        Assert.That(session.Floor, Is.EqualTo(4));
        session.Answered(4);
        Assert.That(session.Floor, Is.EqualTo(5));
    }

    [Test]
    public async Task Numbers_never_run_farther_ahead_than_the_log_takes()
    {
        for (var i = 0; i < TablePropose.Window; i++) Next(_session);
        for (var i = 2UL; i <= TablePropose.Window; i++) _session.Answered(i);
        Assert.That(_session.TryNext(out _, out var room), Is.False);
        Assert.That(room.IsCompleted, Is.False);
        _session.Answered(1);
        await room.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.That((_session.Floor, Next(_session)), Is.EqualTo(((ulong)TablePropose.Window + 1, (ulong)TablePropose.Window + 1)));
    }

    [Test]
    public void The_window_is_that_of_the_log() => Assert.That(TablePropose.Window, Is.EqualTo(Session.Window));

    private static ulong Next(ProposalSession session)
    {
        Assert.That(session.TryNext(out var sequence, out _), Is.True);
        return sequence;
    }
}
