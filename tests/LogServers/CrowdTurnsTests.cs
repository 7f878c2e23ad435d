using Delos.Daemon.LogServers;

namespace Delos.Tests.LogServers;

/// <summary>When the many subscribers of one replica are served.</summary>
public sealed class CrowdTurnsTests
{
    private static readonly TimeSpan s_perSubscriber = TimeSpan.FromMilliseconds(1);

    private readonly Clock _clock = new() { Now = TimeSpan.FromHours(1) };
    private int _begun;

    [SetUp]
    public void SetUp() => _begun = 0;

    [Test]
    public void News_after_a_pause_are_served_at_once_and_others_when_each_subscriber_has_had_its_time()
    {
        var crowd = new CrowdTurns(_clock, s_perSubscriber, () => _begun++);
        crowd.Ask(10);
        Assert.That((_begun, _clock.Due), Is.EqualTo((1, (TimeSpan?)null)));
        crowd.Began();
        crowd.Ended();
        _clock.Now += TimeSpan.FromMilliseconds(4);
        crowd.Ask(10);
        crowd.Ask(10);
        Assert.That((_begun, _clock.Due), Is.EqualTo((1, TimeSpan.FromMilliseconds(6))), "One turn for both.");
        _clock.Fire();
        Assert.That(_begun, Is.EqualTo(2));
        crowd.Began();
        crowd.Ended();
        _clock.Now += TimeSpan.FromMilliseconds(10);
        crowd.Ask(10);
        Assert.That(_begun, Is.EqualTo(3));
    }

    [Test, Category("Trap19")]
    public void News_during_a_turn_get_another_one()
    {
        var crowd = new CrowdTurns(_clock, s_perSubscriber, () => _begun++);
        crowd.Ask(5);
        crowd.Began();
        crowd.Ask(5);
        crowd.Ask(5);
        Assert.That((_begun, _clock.Due), Is.EqualTo((1, (TimeSpan?)null)), "Not while one runs.");
        crowd.Ended();
        Assert.That((_begun, _clock.Due), Is.EqualTo((1, TimeSpan.FromMilliseconds(5))));
        _clock.Fire();
        crowd.Began();
        crowd.Ended();
        Assert.That((_begun, _clock.Due), Is.EqualTo((2, (TimeSpan?)null)), "And no more than one.");
    }

    [Test]
    public void The_largest_crowd_does_not_wait_longer_than_that()
    {
        var crowd = new CrowdTurns(_clock, s_perSubscriber, () => _begun++);
        crowd.Ask(1);
        crowd.Began();
        crowd.Ended();
        crowd.Ask(100_000);
        Assert.That(_clock.Due, Is.EqualTo(TimeSpan.FromMilliseconds(20)));
    }

    [Test]
    public void A_turn_that_nobody_could_begin_holds_up_no_later_one()
    {
        CrowdTurns? crowd = null;
        crowd = new CrowdTurns(_clock, s_perSubscriber, () =>
        {
            _begun++;
            crowd?.Ended();
        });
        crowd.Ask(5);
        _clock.Now += TimeSpan.FromSeconds(1);
        crowd.Ask(5);
        Assert.That(_begun, Is.EqualTo(2));
    }

    /// <summary>Stands still; its one timer fires when told to.</summary>
    private sealed class Clock : TimeProvider
    {
        private Action? _fire;

        public TimeSpan Now { get; set; }

        /// <summary>What the timer was set to; null: it is not.</summary>
        public TimeSpan? Due { get; private set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _fire = () => callback(state);
            return new Timer(this);
        }

        public void Fire()
        {
            Due = null;
            _fire?.Invoke();
        }

        private sealed class Timer(Clock clock) : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period)
            {
                clock.Due = dueTime;
                return true;
            }

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => default;
        }
    }
}
