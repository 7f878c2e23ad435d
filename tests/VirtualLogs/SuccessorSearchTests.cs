using Delos.Client;
using Delos.Client.Loglets;

namespace Delos.Tests.VirtualLogs;

/// <summary>A client that lost its sequencer looks for a successor of the segment, and in the end makes one.</summary>
public class SuccessorSearchTests
{
    private static readonly DelosClientOptions s_patient = MemoryCluster.Quick with { RollForwardAfter = TimeSpan.FromMilliseconds(900), RollForwardJitter = TimeSpan.Zero };

    [Test]
    public async Task A_client_whose_resent_appends_are_acknowledged_extends_nothing()
    {
        await using var cluster = new MemoryCluster();
        var log = cluster.Client(s_patient).Log("log");
        await log.AppendAsync(new byte[1]);
        var lost = 1;
        cluster.Faults.OnAppend = _ => Interlocked.Decrement(ref lost) >= 0 ? MemoryAppendFault.LoseRequest : MemoryAppendFault.None;
        Assert.That(await log.AppendAsync(new byte[1]), Is.EqualTo(1));
        await UntilNobodyLooksAsync(cluster);
        Assert.That((await cluster.ChainAsync("log")).Version, Is.EqualTo(1));

        // The next loss is looked at anew.
        lost = int.MaxValue;
        var append = log.AppendAsync(new byte[1]).AsTask();
        while ((await cluster.ChainAsync("log")).Version == 1) await Task.Delay(10);
        lost = 0;
        Assert.That(await append, Is.EqualTo(2));
    }

    [Test]
    [Category("Trap12")]
    public async Task A_client_that_knows_of_a_seal_goes_on_looking_though_appends_were_acknowledged_since()
    {
        await using var cluster = new MemoryCluster();
        var client = cluster.Client(s_patient);
        var log = client.Log("log");
        await log.AppendAsync(new byte[1]);
        await client.Admin.SealAsync("log", default);
        Assert.That(await log.CheckTailAsync(), Is.EqualTo(1));
        Assert.That((await cluster.ChainAsync("log")).Version, Is.EqualTo(2));
    }

    /// <summary>Whoever looks for a successor reads the chain some fifty times a second.</summary>
    private static async Task UntilNobodyLooksAsync(MemoryCluster cluster)
    {
        for (var before = -1; before != cluster.MetaStore.Reads; await Task.Delay(300)) before = cluster.MetaStore.Reads;
    }
}
