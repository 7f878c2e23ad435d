using System.Text;
using Delos.Client;
using Delos.Client.Admin;
using Delos.Protocol.Chains;

namespace Delos.Tests.VirtualLogs;

/// <summary>Several followers of one handle.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public class FollowerGroupTests
{
    private readonly MemoryCluster _cluster = new();
    private readonly CancellationTokenSource _stop = new(TimeSpan.FromSeconds(30));
    private readonly DelosLog _log;

    // Deleted Loglets are the others' affair; what is kept may be joined for as long as this handle would leave them.
    public FollowerGroupTests() => _log = _cluster.Client(MemoryCluster.Quick with { DeleteGrace = TimeSpan.FromMinutes(1) }).Log("log");

    [TearDown]
    public async Task EndAsync()
    {
        await _cluster.DisposeAsync();
        _stop.Dispose();
    }

    [Test]
    public async Task Those_at_the_tail_share_a_subscription_which_ends_with_the_last_of_them()
    {
        await _log.AppendAsync(new byte[1]);
        var followers = new List<IAsyncEnumerator<LogEntry>>();
        for (var i = 0; i < 5; i++) followers.Add(await FirstAsync(0));
        Assert.That(_cluster.Subscriptions, Is.EqualTo(5), "each begins by itself");
        for (var position = 1L; position < 4; position++)
        {
            var next = followers.Select(f => f.MoveNextAsync().AsTask()).ToArray();
            await SubscriptionsAsync(1);
            await _log.AppendAsync(new byte[1]);
            Assert.That(await Task.WhenAll(next), Is.All.True);
            Assert.That(followers.Select(f => f.Current.Position), Is.All.EqualTo(position));
        }

        Assert.That(_cluster.SubscriptionsBegun, Is.EqualTo(6));
        foreach (var follower in followers)
        {
            Assert.That(_cluster.Subscriptions, Is.EqualTo(1));
            await follower.DisposeAsync();
        }

        Assert.That(_cluster.Subscriptions, Is.Zero);
    }

    [Test]
    public async Task A_single_one_keeps_its_own_subscription()
    {
        for (var i = 0; i < 3; i++) await _log.AppendAsync(new byte[1]);
        var follower = await FirstAsync(0);
        for (var position = 1L; position < 10; position++)
        {
            if (position > 2) await _log.AppendAsync(new byte[1]);
            Assert.That(await follower.MoveNextAsync());
        }

        Assert.That((_cluster.SubscriptionsBegun, _cluster.Subscriptions), Is.EqualTo((1, 1)));
        await follower.DisposeAsync();
    }

    [Test]
    public async Task A_slow_one_holds_up_nobody_and_misses_nothing()
    {
        await _log.AppendAsync(new byte[1]);
        var (slow, quick, other) = (await FirstAsync(0), await FirstAsync(0), await FirstAsync(0));

        // All share; then twice as much comes as is kept.
        var next = new[] { slow, quick, other }.Select(f => f.MoveNextAsync().AsTask()).ToArray();
        await SubscriptionsAsync(1);
        await _log.AppendAsync(new byte[1]);
        Assert.That(await Task.WhenAll(next), Is.All.True);
        var begun = _cluster.SubscriptionsBegun;
        const int Last = 34;
        for (var position = 2; position <= Last; position++) await _log.AppendAsync(new byte[512 << 10]);
        foreach (var follower in new[] { quick, other })
        {
            while (follower.Current.Position < Last) Assert.That(await follower.MoveNextAsync());
        }

        for (var position = 2; position <= Last; position++)
        {
            Assert.That(await slow.MoveNextAsync());
            Assert.That(slow.Current.Position, Is.EqualTo(position));
        }

        // And is with the others again.
        Assert.That(_cluster.SubscriptionsBegun, Is.EqualTo(begun + 2), "the quick one did not wait, and what the two others missed was not kept for them");
        next = [.. new[] { slow, quick, other }.Select(f => f.MoveNextAsync().AsTask())];
        await SubscriptionsAsync(1);
        await _log.AppendAsync(new byte[1]);
        Assert.That(await Task.WhenAll(next), Is.All.True);
        foreach (var follower in new[] { slow, quick, other }) await follower.DisposeAsync();
    }

    [Test]
    public async Task One_who_catches_up_holds_nobody_at_the_tail()
    {
        const int Many = 100_000;
        await _log.AppendBatchAsync([.. Enumerable.Repeat((ReadOnlyMemory<byte>)new byte[64], Many)]);
        var late = new[] { _log.FollowBatchesAsync(0, _stop.Token).GetAsyncEnumerator(), _log.FollowBatchesAsync(0, _stop.Token).GetAsyncEnumerator() };

        // The first two share a subscription near the log's start, after a greeting and a batch.
        for (var i = 0; i < 3; i++)
        {
            foreach (var follower in late) Assert.That(await follower.MoveNextAsync());
        }

        Assert.That((_cluster.SubscriptionsBegun, _cluster.Subscriptions), Is.EqualTo((3, 1)));
        var tail = new[] { _log.FollowAsync(Many, _stop.Token).GetAsyncEnumerator(), _log.FollowAsync(Many, _stop.Token).GetAsyncEnumerator() };
        for (var position = Many; position < Many + 3; position++)
        {
            var next = tail.Select(f => f.MoveNextAsync().AsTask()).ToArray();
            await _log.AppendAsync(new byte[1]);
            Assert.That(await Task.WhenAll(next), Is.All.True);
            Assert.That(tail.Select(f => f.Current.Position), Is.All.EqualTo(position));
        }

        Assert.That((_cluster.SubscriptionsBegun, _cluster.Subscriptions), Is.EqualTo((6, 1)), "those at the tail share another one, and have ended the first");
        foreach (var follower in late)
        {
            var position = follower.Current.Next;
            while (position < Many + 3)
            {
                Assert.That(await follower.MoveNextAsync());
                Assert.That(follower.Current.Entries.Select(e => e.Position), Is.EqualTo(Enumerable.Range((int)position, (int)(follower.Current.Next - position))));
                position = follower.Current.Next;
            }

            await follower.DisposeAsync();
        }

        foreach (var follower in tail) await follower.DisposeAsync();
        Assert.That(_cluster.Subscriptions, Is.Zero);
    }

    [Test]
    public async Task An_entry_that_was_edited_is_shown_to_nobody_who_begins_after_that()
    {
        // A subscription brings two of them at a time, so one who begins anew could join where the old ones are still kept.
        for (var i = 0; i < 8; i++) await _log.AppendAsync(Enumerable.Repeat((byte)i, 500 << 10).ToArray());
        var old = new[] { await FirstAsync(0), await FirstAsync(0) };
        foreach (var follower in old)
        {
            while (follower.Current.Position < 7) Assert.That(await follower.MoveNextAsync());
        }

        var waiting = old.Select(f => f.MoveNextAsync().AsTask()).ToArray();
        await SubscriptionsAsync(1);
        await _cluster.Client().Admin.EditEntryAsync("log", 5, EntryEdit.Replace("patched"u8.ToArray()));
        await _log.AppendAsync(new byte[] { 8 });
        Assert.That(await Task.WhenAll(waiting), Is.All.True);
        var entries = await _log.FollowAsync(0, _stop.Token).Take(9).ToListAsync();
        Assert.That(entries.Select(e => e.Position), Is.EqualTo(Enumerable.Range(0, 9)));
        Assert.That(entries[5].Payload.ToArray(), Is.EqualTo("patched"u8.ToArray()));
        foreach (var follower in old) await follower.DisposeAsync();
    }

    [Test]
    public async Task An_edit_of_which_the_handle_has_not_heard_is_shown_to_whom_the_Loglet_is_gone()
    {
        for (var i = 0; i < 4; i++) await _log.AppendAsync(new[] { (byte)i });
        var old = new[] { await FirstAsync(0), await FirstAsync(0) };
        foreach (var follower in old)
        {
            while (follower.Current.Position < 3) Assert.That(await follower.MoveNextAsync());
        }

        var waiting = old.Select(f => f.MoveNextAsync().AsTask()).ToArray();
        await _log.AppendAsync(new byte[] { 4 });
        Assert.That(await Task.WhenAll(waiting), Is.All.True);
        waiting = [.. old.Select(f => f.MoveNextAsync().AsTask())];
        await SubscriptionsAsync(1);
        await _log.AppendAsync(new byte[] { 5 });
        Assert.That(await Task.WhenAll(waiting), Is.All.True);

        // What they share has entry 5, of which the handle's chain does not know that it was edited; but its Loglet knows that it is gone.
        var edited = (await _cluster.ChainAsync("log")).Active.Loglet;
        await _cluster.Client().Admin.EditEntryAsync("log", 5, EntryEdit.Replace("patched"u8.ToArray()));
        while (!_cluster.Deleted.ContainsKey(edited.Id)) await Task.Delay(1, _stop.Token);
        var entry = await _log.FollowAsync(5, _stop.Token).FirstAsync(_stop.Token);
        Assert.That((entry.Position, Encoding.UTF8.GetString(entry.Payload.Span)), Is.EqualTo((5L, "patched")));
        foreach (var follower in old) await follower.DisposeAsync();
    }

    [TestCase(0, Description = "before what is kept")]
    [TestCase(3, Description = "within what is kept")]
    public async Task A_trimmed_position_is_told_as_such_while_others_share_a_subscription(long from)
    {
        await _log.AppendAsync(new byte[1]);
        var others = new[] { await FirstAsync(0), await FirstAsync(0) };
        for (var position = 1; position < 6; position++)
        {
            var next = others.Select(f => f.MoveNextAsync().AsTask()).ToArray();
            if (position > 1) await SubscriptionsAsync(1);
            await _log.AppendAsync(new byte[1]);
            Assert.That(await Task.WhenAll(next), Is.All.True);
        }

        await _log.TrimAsync(5);
        var following = Task.Run(async () => await _log.FollowAsync(from, _stop.Token).FirstAsync(_stop.Token));
        Assert.That(async () => await following, Throws.TypeOf<DelosException>().With.Property(nameof(DelosException.Code)).EqualTo(DelosErrorCode.Trimmed));
        foreach (var follower in others) await follower.DisposeAsync();
    }

    [Test]
    public async Task A_trimmed_position_is_told_as_such_while_another_waits_alone()
    {
        for (var i = 0; i < 3; i++) await _log.AppendAsync(new byte[1]);
        await _log.TrimAsync(2);
        var other = _log.FollowAsync(3, _stop.Token).GetAsyncEnumerator();
        var waiting = other.MoveNextAsync().AsTask();
        await SubscriptionsAsync(1);
        var following = Task.Run(async () => await _log.FollowAsync(0, _stop.Token).FirstAsync(_stop.Token));
        Assert.That(async () => await following, Throws.TypeOf<DelosException>().With.Property(nameof(DelosException.Code)).EqualTo(DelosErrorCode.Trimmed));
        await _log.AppendAsync(new byte[1]);
        Assert.That(await waiting);
        await other.DisposeAsync();
    }

    [Test]
    public async Task One_who_waits_for_the_far_future_leaves_those_at_the_tail_together()
    {
        await _log.AppendAsync(new byte[1]);
        var followers = new[] { await FirstAsync(0), await FirstAsync(0) };
        var next = followers.Select(f => f.MoveNextAsync().AsTask()).ToArray();
        await _log.AppendAsync(new byte[1]);
        Assert.That(await Task.WhenAll(next), Is.All.True);
        next = [.. followers.Select(f => f.MoveNextAsync().AsTask())];
        await SubscriptionsAsync(1);
        using var enough = new CancellationTokenSource();
        var future = _log.FollowAsync(1_000_000, enough.Token).GetAsyncEnumerator();
        var waiting = future.MoveNextAsync().AsTask();
        await SubscriptionsAsync(2);
        await _log.AppendAsync(new byte[1]);
        Assert.That(await Task.WhenAll(next), Is.All.True);
        next = [.. followers.Select(f => f.MoveNextAsync().AsTask())];
        await _log.AppendAsync(new byte[1]);
        Assert.That(await Task.WhenAll(next), Is.All.True);
        Assert.That((_cluster.SubscriptionsBegun, _cluster.Subscriptions), Is.EqualTo((4, 2)));
        await enough.CancelAsync();
        Assert.That(async () => await waiting, Throws.InstanceOf<OperationCanceledException>());
        await future.DisposeAsync();
        foreach (var follower in followers) await follower.DisposeAsync();
    }

    [Test]
    public async Task One_who_is_cancelled_or_stops_leaves_the_others_alone()
    {
        await _log.AppendAsync(new byte[1]);
        using var cancelled = new CancellationTokenSource();
        var leaver = _log.FollowAsync(0, cancelled.Token).GetAsyncEnumerator();
        Assert.That(await leaver.MoveNextAsync());
        var (stopper, stayer) = (await FirstAsync(0), await FirstAsync(0));
        var (leaving, stopping, staying) = (leaver.MoveNextAsync().AsTask(), stopper.MoveNextAsync().AsTask(), stayer.MoveNextAsync().AsTask());
        await SubscriptionsAsync(1);
        await cancelled.CancelAsync();
        Assert.That(async () => await leaving, Throws.InstanceOf<OperationCanceledException>());
        await leaver.DisposeAsync();
        await _log.AppendAsync(new byte[1]);
        Assert.That((await stopping, await staying), Is.EqualTo((true, true)));
        await stopper.DisposeAsync();
        staying = stayer.MoveNextAsync().AsTask();
        await _log.AppendAsync(new byte[1]);
        Assert.That(await staying);
        Assert.That(stayer.Current.Position, Is.EqualTo(2));
        await stayer.DisposeAsync();
        Assert.That(_cluster.Subscriptions, Is.Zero);
    }

    [TestCase(1)]
    [TestCase(3)]
    public async Task Across_reconfigurations_each_sees_every_entry_once_and_in_order(int stripes)
    {
        var admin = _cluster.Client().Admin;
        await admin.CreateLogAsync("log", stripes == 1 ? LogPolicy.Default : LogPolicy.Default with { Kind = LogletKind.Striped, Stripes = stripes });
        const int Total = 1000;
        var following = Enumerable.Range(0, 4).Select(_ => Task.Run(FollowAsync)).ToArray();
        var reconfiguring = Task.Run(async () =>
        {
            while (!following.All(f => f.IsCompleted))
            {
                await admin.ReconfigExtendAsync("log");
                await Task.Delay(2, _stop.Token);
            }
        });
        for (var i = 0; i < Total; i++) await _log.AppendAsync(BitConverter.GetBytes(i));
        foreach (var payloads in await Task.WhenAll(following)) Assert.That(payloads, Is.EqualTo(Enumerable.Range(0, Total)));
        await reconfiguring;
        Assert.That(_cluster.Subscriptions, Is.Zero);

        async Task<List<int>> FollowAsync() => await _log.FollowAsync(0, _stop.Token).Select(e => BitConverter.ToInt32(e.Payload.Span)).Take(Total).ToListAsync();
    }

    private async Task<IAsyncEnumerator<LogEntry>> FirstAsync(long from)
    {
        var follower = _log.FollowAsync(from, _stop.Token).GetAsyncEnumerator();
        Assert.That(await follower.MoveNextAsync());
        return follower;
    }

    private async Task SubscriptionsAsync(int wanted)
    {
        while (_cluster.Subscriptions != wanted)
        {
            _stop.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
