using Delos.Client.Loglets;

namespace Delos.Tests.Loglets;

public sealed class TimeLimitTests
{
    [Test]
    public void It_is_over_when_the_time_is_or_when_it_is_cancelled()
    {
        var clock = new Clock();
        using var cancelled = new CancellationTokenSource();
        using var first = new TimeLimit(TimeSpan.FromSeconds(1), clock, cancelled.Token);
        using var second = new TimeLimit(TimeSpan.FromSeconds(1), clock, cancelled.Token);
        clock.Fire(0);
        Assert.That((first.Token.IsCancellationRequested, second.Token.IsCancellationRequested), Is.EqualTo((true, false)));
        cancelled.Cancel();
        Assert.That(second.Token.IsCancellationRequested, Is.True);
    }

    [Test]
    public void A_timer_that_fires_when_what_it_limited_is_just_over_does_no_harm()
    {
        var clock = new Clock();
        var limit = new TimeLimit(TimeSpan.FromSeconds(1), clock, CancellationToken.None);
        limit.Dispose();
        Assert.That(() => clock.Fire(0), Throws.Nothing);
    }

    /// <summary>Its timers fire when they are told to, disposed of or not: one that is just firing is not stopped either.</summary>
    private sealed class Clock : TimeProvider
    {
        private readonly List<Action> _timers = [];

        public void Fire(int timer) => _timers[timer]();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _timers.Add(() => callback(state));
            return System.CreateTimer(static _ => { }, null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }
}
