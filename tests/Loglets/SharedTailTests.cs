using Delos.Client.Loglets;

namespace Delos.Tests.Loglets;

/// <summary>Who shares which look at the tail.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class SharedTailTests
{
    private readonly List<TaskCompletionSource<TailResult>> _rounds = [];
    private readonly SharedTail _tail;

    public SharedTailTests() => _tail = new SharedTail(() =>
    {
        var round = new TaskCompletionSource<TailResult>();
        lock (_rounds) _rounds.Add(round);
        return round.Task;
    });

    [Test]
    public async Task Whoever_comes_after_a_round_was_begun_gets_the_next_one_with_all_others()
    {
        var first = _tail.JoinAsync();
        Assert.That(_rounds, Has.Count.EqualTo(1), "the first caller begins it");
        var second = _tail.JoinAsync();
        var third = _tail.JoinAsync();
        Assert.That(_rounds, Has.Count.EqualTo(1));
        _rounds[0].SetResult(new TailResult(1, false));
        Assert.That((await first).Tail, Is.EqualTo(1));
        await UntilBegunAsync(2);
        Assert.That((second.IsCompleted, third.IsCompleted), Is.EqualTo((false, false)));
        _rounds[1].SetResult(new TailResult(2, false));
        Assert.That(((await second).Tail, (await third).Tail), Is.EqualTo((2, 2)));
        await _tail.Idle;
        Assert.That(_rounds, Has.Count.EqualTo(2));
    }

    [Test]
    public async Task A_round_that_fails_fails_for_those_who_share_it_only()
    {
        var first = _tail.JoinAsync();
        var second = _tail.JoinAsync();
        _rounds[0].SetException(new TimeoutException());
        Assert.That(async () => await first, Throws.TypeOf<TimeoutException>());
        await UntilBegunAsync(2);
        _rounds[1].SetResult(new TailResult(3, false));
        Assert.That((await second).Tail, Is.EqualTo(3));
    }

    [Test]
    public async Task It_is_idle_when_the_last_round_has_ended()
    {
        Assert.That(_tail.Idle.IsCompleted);
        var joined = _tail.JoinAsync();
        var idle = _tail.Idle;
        Assert.That(idle.IsCompleted, Is.False);
        _rounds[0].SetResult(new TailResult(1, false));
        await joined;
        await idle.WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Test]
    public async Task The_first_of_a_round_goes_on_at_once_after_the_next_was_begun_and_the_others_elsewhere()
    {
        var answering = 0;
        var first = AfterAsync(_tail.JoinAsync());
        var second = AfterAsync(_tail.JoinAsync());
        var third = AfterAsync(_tail.JoinAsync());
        await Task.Run(() => Answer(0));
        Assert.That(await first, Is.EqualTo((true, 2)));
        await Task.Run(() => Answer(1));
        Assert.That((await second).IsHere);
        Assert.That((await third).IsHere, Is.False);

        // Away from the test runner's synchronization context, in which nothing goes on at once.
        void Answer(int round)
        {
            answering = Environment.CurrentManagedThreadId;
            _rounds[round].SetResult(new TailResult(round, false));
            answering = 0;
        }

        async Task<(bool IsHere, int Begun)> AfterAsync(Task<TailResult> joined)
        {
            await joined.ConfigureAwait(false);
            lock (_rounds) return (Environment.CurrentManagedThreadId == answering, _rounds.Count);
        }
    }

    private async Task UntilBegunAsync(int count) => await Transport.Loopback.UntilAsync(
        () =>
        {
            lock (_rounds) return _rounds.Count == count;
        },
        $"{count} rounds");
}
