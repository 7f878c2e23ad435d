using System.Diagnostics;
using Delos.Client;
using Delos.Protocol.Chains;
using Delos.Tests.Histories;
using Delos.Tests.Processes;

namespace Delos.Tests.Nemesis;

/// <summary>The power of all nodes fails at once: what no disk had made durable is lost on every one of them.</summary>
public sealed class PowerLossTests : DiskFixture
{
    [Test]
    [Category("Trap02")]
    [Category("Trap25")]
    public async Task Thirty_power_losses_of_all_nodes_at_once_lose_nothing()
    {
        await StartOnDisksAsync(megabytes: 128);
        var random = new Random(1);
        var history = new LogHistory();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints);
        await using var load = LogLoad.Start(Cluster.Endpoints, Log, appenders: 8, outstanding: 4, history);
        var times = new long[4];
        for (var round = 0; round < 30; round++)
        {
            if (round == 10) await SwitchAsync(client, LogPolicy.Striped(3, 3));
            if (round == 20) await SwitchAsync(client, LogPolicy.Striped(1, 3, sharded: true));
            var begun = Stopwatch.GetTimestamp();
            await load.AdvanceAsync(random.Next(100, 500), Patience);
            var loaded = Stopwatch.GetTimestamp();
            if (round % 2 == 0) await KillAllAsync();
            Disks.CutPower();
            await KillAllAsync();
            var dead = Stopwatch.GetTimestamp();
            await Disks.RemountAsync();
            var mounted = Stopwatch.GetTimestamp();
            await RestartAllAsync();
            var end = Stopwatch.GetTimestamp();
            times[0] += loaded - begun;
            times[1] += dead - loaded;
            times[2] += mounted - dead;
            times[3] += end - mounted;
        }

        await load.AdvanceAsync(500, Patience);
        await load.StopAsync();
        await CheckAsync(history);
        await WaitUntilFullAsync(client, Patience);
        TestContext.Out.WriteLine($"{load.Acknowledged} appends acknowledged, longest wait {load.LongestGap.TotalMilliseconds:F0} ms; seconds in load, death, mount, restart: {string.Join(", ", times.Select(t => ((double)t / Stopwatch.Frequency).ToString("F1")))}; {Disks[1].FreeBytes >> 20} MiB left on a disk");
    }
}
