using System.Diagnostics;
using Delos.Client.Tables;

namespace Delos.Tests.TableService;

/// <summary>The deadline that most attempts share with those begun at about the same time.</summary>
public sealed class SharedDeadlineTests
{
    [Test]
    public void Who_begins_at_about_the_same_time_shares_one()
    {
        var clock = new StoppedClock();
        var deadline = new SharedDeadline(TimeSpan.FromHours(1), clock);
        var first = deadline.Begin();
        clock.Now = SharedDeadline.Window - TimeSpan.FromMilliseconds(1);
        Assert.That(deadline.Begin(), Is.EqualTo(first));
        clock.Now = SharedDeadline.Window;
        var second = deadline.Begin();
        Assert.That(second, Is.Not.EqualTo(first));
        Assert.That(deadline.Begin(), Is.EqualTo(second));
        Assert.That((first.IsCancellationRequested, second.IsCancellationRequested), Is.EqualTo((false, false)));
    }

    [Test]
    public async Task It_comes_after_the_time_also_for_who_began_last()
    {
        var time = TimeSpan.FromMilliseconds(100);
        var clock = new StoppedClock();
        var deadline = new SharedDeadline(time, clock);
        deadline.Begin();
        clock.Now = SharedDeadline.Window - TimeSpan.FromMilliseconds(1);
        var begun = Stopwatch.GetTimestamp();
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = deadline.Begin().Register(cancelled.SetResult);
        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.That(Stopwatch.GetElapsedTime(begun), Is.GreaterThan(time), "the first one began a moment ago, by the real clock");
        Assert.That(deadline.Begin().IsCancellationRequested, Is.False, "who begins later, whatever the clock says, has time");
    }

    /// <summary>Timers run as ever.</summary>
    private sealed class StoppedClock : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}
