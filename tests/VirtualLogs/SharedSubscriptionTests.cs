using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Delos.Client.VirtualLogs;
using Microsoft.Extensions.Logging.Abstractions;
using Patience = Delos.Tests.Loglets.Patience;

namespace Delos.Tests.VirtualLogs;

/// <summary>Several followers, one subscription.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public class SharedSubscriptionTests
{
    private readonly Channel<FollowedBatch> _log = Channel.CreateUnbounded<FollowedBatch>();
    private readonly SharedSubscription _shared;
    private int _asked;
    private bool _isClosed;

    public SharedSubscriptionTests() => _shared = new SharedSubscription("log", 0, FollowAsync, 3 * FollowWindowTests.Batch(0, 1).Bytes, NullLogger.Instance);

    [Test]
    public async Task All_have_what_one_has_fetched_and_nothing_is_fetched_that_nobody_wants()
    {
        Join(3);
        var waiting = Enumerable.Range(0, 3).Select(_ => NextAsync(0)).ToArray();
        Assert.That(_asked, Is.EqualTo(1));
        Push(0, 1);
        Push(1, 2);
        var batches = await Task.WhenAll(waiting);
        Assert.That(batches, Is.All.SameAs(batches[0]));
        Assert.That(_asked, Is.EqualTo(1), "the second is not wanted yet");
        Assert.That((await NextAsync(1))!.Next, Is.EqualTo(2));
        Assert.That((await NextAsync(1))!.Next, Is.EqualTo(2));
        Assert.That(_asked, Is.EqualTo(2));
    }

    [Test]
    public async Task One_who_is_cancelled_ends_his_own_wait_alone()
    {
        Join(2);
        using var stop = new CancellationTokenSource();
        var fetching = _shared.NextAsync(0, stop.Token).AsTask();
        var other = NextAsync(0);
        await stop.CancelAsync();
        Assert.That(async () => await fetching, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(_shared.TryLeave());
        Push(0, 1);
        Assert.That((await other)!.Next, Is.EqualTo(1));
    }

    [Test]
    public async Task One_who_falls_behind_what_is_kept_goes_on_by_himself()
    {
        Join(2);
        for (var i = 0; i < 5; i++)
        {
            Push(i, i + 1);
            await NextAsync(i);
        }

        Assert.That(await NextAsync(1), Is.Null);
        Assert.That((await NextAsync(2))!.Next, Is.EqualTo(3));
        Assert.That((_shared.TryJoin(2, 0), _shared.TryJoin(4, 0)), Is.EqualTo((false, true)), "2 goes next");
    }

    [Test]
    public async Task One_who_is_ahead_waits_for_his_position()
    {
        Join(1);
        var next = NextAsync(2);
        Push(0, 1);
        Push(1, 4);
        Assert.That((await next)!.From(2).Entries.Select(e => e.Position), Is.EqualTo(new[] { 2, 3 }));
    }

    [Test]
    public async Task When_it_fails_all_go_on_by_themselves_and_nobody_joins_any_more()
    {
        Join(2);
        var waiting = new[] { NextAsync(0), NextAsync(0) };
        _log.Writer.Complete(new InvalidOperationException("lost"));
        Assert.That(await Task.WhenAll(waiting), Is.All.Null);
        Assert.That((_shared.IsOver, _shared.TryJoin(0, 0)), Is.EqualTo((true, false)));
        Assert.That(await NextAsync(0), Is.Null);
    }

    [Test]
    public async Task When_it_is_ended_all_have_what_is_kept_and_then_go_on_by_themselves()
    {
        Join(2);
        Push(0, 1);
        await NextAsync(0);
        var waiting = NextAsync(1);
        await _shared.EndAsync();
        Assert.That((await waiting, _isClosed), Is.EqualTo(((FollowedBatch?)null, true)));
        Assert.That((await NextAsync(0))!.Next, Is.EqualTo(1));
        Assert.That((_shared.TryJoin(1, 0), _shared.TryLeave(), _shared.TryLeave()), Is.EqualTo((false, true, false)));
        await _shared.EndAsync();
    }

    [Test]
    public async Task Whoever_leaves_last_ends_it_also_while_something_is_fetched()
    {
        Join(2);
        using var stop = new CancellationTokenSource();
        var waiting = _shared.NextAsync(0, stop.Token).AsTask();
        Assert.That((_shared.TryLeave(), _shared.IsOver), Is.EqualTo((true, false)));
        await stop.CancelAsync();
        Assert.That(async () => await waiting, Throws.InstanceOf<OperationCanceledException>());
        Assert.That((_shared.TryLeave(), _shared.IsOver, _shared.TryJoin(0, 0), _isClosed), Is.EqualTo((false, true, false, false)));
        await _shared.EndAsync().AsTask().WaitAsync(Patience.Long);
        Assert.That(_isClosed);
    }

    private void Join(int members)
    {
        for (var i = 0; i < members; i++) Assert.That(_shared.TryJoin(0, 0));
    }

    private void Push(long first, long next) => Assert.That(_log.Writer.TryWrite(FollowWindowTests.Batch(first, next)));

    private Task<FollowedBatch?> NextAsync(long position) => _shared.NextAsync(position, CancellationToken.None).AsTask().WaitAsync(Patience.Long);

    private async IAsyncEnumerable<FollowedBatch> FollowAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                _asked++;
                yield return await _log.Reader.ReadAsync(cancellationToken);
            }
        }
        finally
        {
            _isClosed = true;
        }
    }
}
