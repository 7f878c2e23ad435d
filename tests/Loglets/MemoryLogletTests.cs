using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;

namespace Delos.Tests.Loglets;

[TestFixture]
public sealed class MemoryLogletConformance : LogletConformance
{
    protected override Task<ILogletFactory> StartAsync() => Task.FromResult<ILogletFactory>(new MemoryLogletFactory());

    protected override Task<LogletConfig> CreateAsync() => Task.FromResult(MemoryLogletFactory.NewConfig());

    protected override Task StopAsync() => Task.CompletedTask;
}

/// <summary>The faults that tests of others rely on.</summary>
[TestFixture]
public class MemoryLogletFaultTests
{
    [Test]
    public async Task A_lost_request_and_a_lost_answer_look_the_same_to_the_appender()
    {
        var fault = MemoryAppendFault.LoseRequest;
        var factory = new MemoryLogletFactory(new MemoryLogletFaults { OnAppend = _ => fault });
        await using var loglet = factory.Open(MemoryLogletFactory.NewConfig());
        using var appender = new TestAppender(loglet, 1);
        Assert.That(await appender.AppendAsync("lost", 1), Is.EqualTo((StatusCode.Unavailable, -1L)));
        Assert.That((await loglet.CheckTailAsync(default)).Tail, Is.EqualTo(0));
        fault = MemoryAppendFault.LoseAnswer;
        Assert.That(await appender.AppendAsync("lost", 1), Is.EqualTo((StatusCode.Unavailable, -1L)));
        Assert.That((await loglet.CheckTailAsync(default)).Tail, Is.EqualTo(1));
        fault = MemoryAppendFault.None;
        Assert.That(await appender.AppendAsync("lost", 1), Is.EqualTo((StatusCode.Ok, 0L)));
    }

    [Test]
    public async Task A_held_append_is_told_its_position_by_the_seal_and_observers_may_differ_about_it()
    {
        var faults = new MemoryLogletFaults();
        var factory = new MemoryLogletFactory(faults);
        await using var loglet = factory.Open(MemoryLogletFactory.NewConfig());
        using var appender = new TestAppender(loglet, 1);
        await appender.PutAsync("committed");
        faults.OnAppend = _ => MemoryAppendFault.Hold;
        var op = appender.Start("held");
        loglet.Flush();
        Assert.That((await loglet.CheckTailAsync(default)).Tail, Is.EqualTo(1));
        Assert.That(op.Completion.IsCompleted, Is.False);

        faults.SealedTail = (low, _) => low;
        Assert.That((await loglet.SealAsync(default)).Tail, Is.EqualTo(1));
        Assert.That(await op.Completion, Is.EqualTo((StatusCode.Sealed, 1L)));
        faults.SealedTail = (_, high) => high;
        Assert.That((await loglet.SealAsync(default)).Tail, Is.EqualTo(2));
    }

    [Test]
    public async Task Held_appends_are_acknowledged_in_order_once_committed()
    {
        var hold = true;
        var factory = new MemoryLogletFactory(new MemoryLogletFaults { OnAppend = _ => hold ? MemoryAppendFault.Hold : MemoryAppendFault.None });
        await using var loglet = factory.Open(MemoryLogletFactory.NewConfig());
        using var appender = new TestAppender(loglet, 1);
        var first = appender.Start("held");
        loglet.Flush();
        hold = false;
        var second = appender.Start("behind it");
        loglet.Flush();
        Assert.That(second.Completion.IsCompleted, Is.False);
        factory.CommitHeld(loglet.Config.Id);
        Assert.That(await first.Completion, Is.EqualTo((StatusCode.Ok, 0L)));
        Assert.That(await second.Completion, Is.EqualTo((StatusCode.Ok, 1L)));
    }
}
