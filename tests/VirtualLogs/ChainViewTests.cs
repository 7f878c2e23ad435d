using Delos.Client;
using Delos.Client.VirtualLogs;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Tests.VirtualLogs;

/// <summary>What a client knows of the age of its chain: it may begin a young segment's scan from the beginning, and need not ask for its tail.</summary>
public class ChainViewTests
{
    [Test]
    public async Task The_newest_chain_is_not_older_than_the_last_read_that_did_not_show_it()
    {
        await using var cluster = new MemoryCluster();
        await using var reconfigurer = cluster.Reconfigurer();
        var clock = new ShiftedClock();
        await using var view = new ChainView("log", new LogOptions(), MemoryCluster.Quick with { TimeProvider = clock }, cluster.Chains, reconfigurer, NullLogger.Instance);
        var first = await view.GetAsync(default);
        Assert.That(view.NewestAge, Is.EqualTo(TimeSpan.MaxValue), "nobody looked before it was there");

        clock.Shift += TimeSpan.FromMinutes(10);
        await view.RefreshAsync(default);
        clock.Shift += TimeSpan.FromMinutes(3);
        var second = (await reconfigurer.ExtendAsync("log", new(first.Active.Loglet.Id), default)).Chain;
        Assert.That(view.Offer(second), Is.SameAs(second));
        Assert.That(view.NewestAge, Is.InRange(TimeSpan.FromMinutes(3), TimeSpan.FromMinutes(4)));

        // Looking again and again does not make it younger; a chain that comes then is.
        clock.Shift += TimeSpan.FromMinutes(5);
        await view.RefreshAsync(default);
        Assert.That(view.NewestAge, Is.InRange(TimeSpan.FromMinutes(8), TimeSpan.FromMinutes(9)));
        await reconfigurer.ExtendAsync("log", new(second.Active.Loglet.Id), default);
        await view.RefreshAsync(default);
        Assert.That(view.Newest!.Version, Is.EqualTo(3));
        Assert.That(view.NewestAge, Is.LessThan(TimeSpan.FromMinutes(1)));
    }
}
