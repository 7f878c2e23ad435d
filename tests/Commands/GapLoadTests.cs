using Delos.Client.Loglets;
using Delos.Daemon.Commands;
using Delos.Tests.VirtualLogs;

namespace Delos.Tests.Commands;

/// <summary>The load of <c>delosd bench failover</c>.</summary>
public class GapLoadTests
{
    private const int Outstanding = 4;

    [Test]
    public async Task A_gap_is_measured_to_its_end_however_long_it_takes()
    {
        await using var cluster = new MemoryCluster();
        var load = new GapLoad(cluster.Client().Log("log"), 10, Outstanding);
        try
        {
            await load.GoesOnAsync(TimeSpan.FromSeconds(20), default);
            load.Begin();
            await HoldAllAsync(cluster);
            var goesOn = load.GoesOnAsync(TimeSpan.FromSeconds(20), default);
            await UntilAsync(() => load.Longest.Gap > TimeSpan.FromMilliseconds(100));
            Assert.That(goesOn.IsCompleted, Is.False, "the log stands still");
            cluster.Faults.OnAppend = null;
            cluster.Memory.CommitHeld((await cluster.ChainAsync("log")).Active.Loglet.Id);
            await goesOn;
            var gap = load.Longest.Gap;
            Assert.That(gap, Is.GreaterThan(TimeSpan.FromMilliseconds(100)));
            await load.GoesOnAsync(TimeSpan.FromSeconds(20), default);
            Assert.That(load.Longest.Gap, Is.EqualTo(gap), "it is over");
        }
        finally
        {
            await load.StopAsync();
        }
    }

    [Test]
    public async Task A_gap_without_end_counts_as_far_as_it_has_come()
    {
        await using var cluster = new MemoryCluster();
        var load = new GapLoad(cluster.Client().Log("log"), 10, Outstanding);
        await load.GoesOnAsync(TimeSpan.FromSeconds(20), default);
        load.Begin();
        await HoldAllAsync(cluster);
        await load.GoesOnAsync(TimeSpan.FromMilliseconds(50), default);
        Assert.That(load.Longest.Gap, Is.GreaterThan(TimeSpan.FromMilliseconds(50)));
        cluster.Faults.OnAppend = null;
        cluster.Memory.CommitHeld((await cluster.ChainAsync("log")).Active.Loglet.Id);
        await load.StopAsync();
    }

    /// <summary>From now on nothing is acknowledged any more.</summary>
    private static async Task HoldAllAsync(MemoryCluster cluster)
    {
        var held = 0;
        cluster.Faults.OnAppend = _ =>
        {
            Interlocked.Increment(ref held);
            return MemoryAppendFault.Hold;
        };
        await UntilAsync(() => Volatile.Read(ref held) >= Outstanding);
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (var i = 0; i < 10_000 && !condition(); i++) await Task.Delay(2);
        Assert.That(condition());
    }
}
