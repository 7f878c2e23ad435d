using Delos.Client;
using Delos.Client.Loglets;
using Delos.Protocol.Framing;
using Delos.Runtime;

namespace Delos.Tests.Runtime;

/// <summary>A replica applies what it appended itself without reading it.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class UnreadTests
{
    private readonly RuntimeCluster _cluster = new();

    [TearDown]
    public async Task EndAsync() => await _cluster.DisposeAsync();

    [Test]
    public async Task Its_own_entries_it_need_not_read_and_those_of_others_in_front_of_them_it_must()
    {
        var (one, other) = (_cluster.Start(1), _cluster.Start(2));
        await Task.WhenAll(one.UntilAsync(RuntimeState.Applying), other.UntilAsync(RuntimeState.Applying));
        await one.ProposeAsync("add n 1");
        await other.ReadAsync("n");
        _cluster.Logs.Faults.OnRead = _ => new LogletException(default, StatusCode.Unavailable, "nobody can read");
        for (var i = 0; i < 20; i++) await one.ProposeAsync("add n 1");
        Assert.That(await one.ReadAsync("n"), Is.EqualTo("21"));

        // The other one cannot have read these, so its own is not next.
        var unanswered = other.ProposeAsync("add n 1");
        var tail = one.Status.Cursor;
        while (await _cluster.Log.CheckTailAsync() == tail) await Task.Yield();
        Assert.That((unanswered.IsCompleted, other.Status.Cursor < one.Status.Cursor), Is.EqualTo((false, true)));
        _cluster.Logs.Faults.OnRead = null;
        await unanswered;
        Assert.That((await one.ReadAsync("n"), await other.ReadAsync("n")), Is.EqualTo(("22", "22")));
        Assert.That(one.Status.Checksum, Is.EqualTo(other.Status.Checksum));
    }

    /// <summary>What was applied in memory, but not committed, would be missing in the store under a cursor that says that it is there.</summary>
    [Test]
    public async Task After_a_commit_that_failed_nothing_is_applied_on_top([Range(1, 40, 3)] int failing)
    {
        var (one, other) = (_cluster.Start(1), _cluster.Start(2));
        await Task.WhenAll(one.UntilAsync(RuntimeState.Applying), other.UntilAsync(RuntimeState.Applying));
        var left = failing;
        one.Faults.Begin = t => new FailingTransaction(t, () =>
        {
            if (--left == 0) throw new LocalStoreException("the disk is full");
        });
        var proposals = Enumerable.Range(0, 400).Select(i => Task.Run(() => TryAsync(i % 2 == 0 ? one : other)));
        await Task.WhenAll(proposals);
        for (var i = 0; i < 5_000 && one.Status.State != RuntimeState.Failed; i++) await TryAsync(other);
        Assert.That(one.Status.State, Is.EqualTo(RuntimeState.Failed));
        one.Faults.Begin = null;
        await one.StopAsync();
        one = _cluster.Start(1);
        await one.UntilAsync(RuntimeState.Applying);
        Assert.That(await one.ReadAsync("n"), Is.EqualTo(await other.ReadAsync("n")));
        Assert.That(await one.ReadAsync("n"), Is.EqualTo(other.Status.Commands.ToString()));

        static async Task TryAsync(RuntimeCluster.Replica replica)
        {
            try
            {
                await replica.ProposeAsync("add n 1");
            }
            catch (DelosException)
            {
                // Its outcome is what the log says.
            }
        }
    }
}
