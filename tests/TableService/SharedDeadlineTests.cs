using System.Diagnostics;
using Delos.Client.Tables;

namespace Delos.Tests.TableService;

/// <summary>The deadline that most attempts share with those begun at about the same time.</summary>
public sealed class SharedDeadlineTests
{
    [Test]
    public async Task Who_begins_now_is_given_up_after_the_time_and_not_much_later()
    {
        var time = TimeSpan.FromMilliseconds(150);
        var deadline = new SharedDeadline(time);
        var (first, begun) = (deadline.Begin(), Stopwatch.GetTimestamp());
        Assert.That(deadline.Begin(), Is.EqualTo(first), "begun at about the same time");
        await Transport.Loopback.UntilAsync(() => deadline.Begin() != first, "another one is begun");
        var (second, later) = (deadline.Begin(), Stopwatch.GetTimestamp());
        Assert.That(second.IsCancellationRequested, Is.False);
        await CancelledAsync(first);
        Assert.That(Stopwatch.GetElapsedTime(begun), Is.GreaterThan(time));
        await CancelledAsync(second);

        // The clock that says who shares is a coarse one.
        Assert.That(Stopwatch.GetElapsedTime(later), Is.GreaterThan(time - TimeSpan.FromMilliseconds(20)));
        Assert.That(deadline.Begin().IsCancellationRequested, Is.False);
    }

    private static async Task CancelledAsync(CancellationToken token)
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = token.Register(cancelled.SetResult);
        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(20));
    }
}
