using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;

namespace Delos.Tests.Loglets;

/// <summary>Following a StripedLoglet from a position that its tail has not reached.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class StripedFollowTests
{
    private readonly MemoryLogletFactory _factory = new();
    private readonly LogletConfig _config = LogletConfig.Striped(LogletId.NewRandom(), [MemoryLogletFactory.NewConfig(), MemoryLogletFactory.NewConfig()]);

    [Test, Category("Trap23")]
    public async Task What_one_stripe_has_committed_beyond_the_tail_is_not_shown_to_who_waits_there()
    {
        // Positions 0 and 2; 1 is missing, so 2 is dropped when the Loglet is sealed.
        await AppendAsync(stripe: 0, 2);
        await using var loglet = _factory.Open(_config);
        await using var batches = loglet.SubscribeAsync(2, long.MaxValue, null, default).GetAsyncEnumerator();
        var next = batches.MoveNextAsync();
        Assert.That((await loglet.SealAsync(default)).Tail, Is.EqualTo(1));
        Assert.That(await next, Is.True);
        Assert.That(batches.Current, Is.EqualTo(new EntryBatch(StatusCode.Sealed, 2, 0, null, 2)));
    }

    [Test]
    public async Task It_is_shown_once_everything_below_is_filled()
    {
        await AppendAsync(stripe: 0, 2);
        await using var loglet = _factory.Open(_config);
        await using var batches = loglet.SubscribeAsync(2, long.MaxValue, null, default).GetAsyncEnumerator();
        var next = batches.MoveNextAsync().AsTask();
        Assert.That(next.IsCompleted, Is.False);
        await AppendAsync(stripe: 1, 1);
        Assert.That(await next.WaitAsync(Patience.Long), Is.True);
        using var shown = batches.Current;
        Assert.That((shown.Status, shown.First, shown.Count), Is.EqualTo((StatusCode.Ok, 2L, 1)));
    }

    [Test]
    public async Task Following_begins_where_the_log_was_trimmed_to([Range(1, 5)] int from)
    {
        await AppendAsync(stripe: 0, 3);
        await AppendAsync(stripe: 1, 3);
        await using var loglet = _factory.Open(_config);
        Assert.That(await loglet.TrimAsync(from, 6, default), Is.EqualTo(from));
        await using var batches = loglet.SubscribeAsync(from, 6, null, default).GetAsyncEnumerator();
        var position = (long)from;
        while (await batches.MoveNextAsync())
        {
            using var shown = batches.Current;
            Assert.That((shown.Status, shown.First), Is.EqualTo((StatusCode.Ok, position)));
            position += shown.Count;
        }

        Assert.That(position, Is.EqualTo(6));
    }

    private async Task AppendAsync(int stripe, int count)
    {
        await using var loglet = _factory.Open(_config.Stripes[stripe]);
        using var appender = new TestAppender(loglet, (ulong)stripe + 1);
        await appender.PutManyAsync(count, i => $"{i}");
    }
}
