using Delos.Client.Loglets;
using Delos.Protocol.Blocks;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Tests.Loglets;

/// <summary>What waits for another stripe is answered, whatever becomes of that stripe.</summary>
[Category("Trap23")]
public sealed class StripedLogletFailureTests
{
    [Test]
    public async Task An_append_that_waits_for_another_of_its_client_is_acknowledged_when_that_one_is_refused()
    {
        await using var loglet = new MemoryLogletFactory().Open(TwoStripes());
        using var appender = new TestAppender(loglet, 1);
        using var arena = new PayloadArena();
        var first = appender.Start("at 0");
        var second = appender.Start("at 2");

        // When stripe 0 has committed those, this one is on its way to stripe 1, whose position 1 it would fill.
        var refused = new TestOp(appender.Client) { Sequence = 3, Entry = arena.Copy([1, 2, 3]) };
        loglet.Append(refused);
        loglet.Flush();
        Assert.That((await refused.Completion.WaitAsync(Patience.Long)).Status, Is.EqualTo(StatusCode.Malformed));
        Assert.That(await first.Completion.WaitAsync(Patience.Long), Is.EqualTo((StatusCode.Ok, 0L)));
        Assert.That(await second.Completion.WaitAsync(Patience.Long), Is.EqualTo((StatusCode.Ok, 2L)));
    }

    private static LogletConfig TwoStripes() => LogletConfig.Striped(LogletId.NewRandom(), [MemoryLogletFactory.NewConfig(), MemoryLogletFactory.NewConfig()]);
}
