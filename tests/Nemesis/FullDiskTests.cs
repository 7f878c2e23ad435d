using Delos.Client;
using Delos.Protocol.Chains;
using Delos.Tests.Histories;
using Delos.Tests.Processes;

namespace Delos.Tests.Nemesis;

/// <summary>Disks that get full under load, and have room again later.</summary>
public sealed class FullDiskTests : DiskFixture
{
    [TestCase(1)]
    [TestCase(3)]
    public async Task A_full_disk_holds_up_nothing_and_full_disks_everywhere_refuse_appends_until_there_is_room(int stripes)
    {
        await StartOnDisksAsync(megabytes: 96);
        var history = new LogHistory();
        var options = new LogLoadOptions { Bytes = 4_000, IsRefusal = e => e.Code is DelosErrorCode.DiskFull };
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        await using var load = LogLoad.Start(Cluster.Endpoints, Log, appenders: 4, outstanding: 8, history, options: options);
        await load.AdvanceAsync(200, Patience);
        if (stripes > 1) await SwitchAsync(client, LogPolicy.Striped(3, stripes));

        var first = await SequencerNodeAsync(client) % 3 + 1;
        Disks[first].Fill();
        await UntilItSaysAsync(first, "No space for", Patience);
        await load.AdvanceAsync(500, Patience);
        Assert.That(load.Refused, Is.Zero, "one full disk holds up nothing");

        // Appends that had their positions before the disks were full wait for room; those that come later are refused.
        foreach (var disk in Disks.All) disk.Fill();
        await UntilItStandsStillAsync(load);
        await using var late = await RefusedAsync(history, options);
        Assert.That(await client.Log(Log).CheckTailAsync(), Is.Positive, "reads go on while the disks are full");
        Assert.That((await client.Admin.SealAsync(Log)).ComputedTail, Is.GreaterThanOrEqualTo(0), "a full disk can still be sealed");
        Assert.That(Cluster.Nodes.Where(n => !n.IsRunning), Is.Empty, "a full disk ends no node");

        foreach (var disk in Disks.All) disk.MakeRoom();
        await load.AdvanceAsync(500, Patience);
        await late.AdvanceAsync(10, Patience);
        await Task.WhenAll(load.StopAsync(), late.StopAsync());
        await ExtendAsync(client);
        await CheckAsync(history);
        await WaitUntilFullAsync(client, Patience);
        TestContext.Out.WriteLine($"{load.Acknowledged} appends acknowledged, {load.Refused + late.Refused} refused");
    }

    /// <summary>A load that was refused. On a busy machine the log may have stood still for another reason, and one that came too early has positions as well, and waits.</summary>
    private async Task<LogLoad> RefusedAsync(LogHistory history, LogLoadOptions options)
    {
        for (var attempt = 1; ; attempt++)
        {
            var late = LogLoad.Start(Cluster.Endpoints, Log, appenders: 1, outstanding: 2, history, $"late{attempt}", options);
            for (var i = 0; i < 250 && late.Refused == 0; i++) await Task.Delay(20, CancellationToken.None);
            if (late.Refused > 0) return late;
            await late.DisposeAsync();
            Assert.That(attempt, Is.LessThan(5), "Full disks everywhere, and nothing is refused.");
        }
    }

    private static async Task UntilItStandsStillAsync(LogLoad load)
    {
        using var deadline = new CancellationTokenSource(Patience);
        long before;
        do
        {
            before = load.Acknowledged;
            await Task.Delay(500, deadline.Token);
        }
        while (load.Acknowledged > before);
    }
}
