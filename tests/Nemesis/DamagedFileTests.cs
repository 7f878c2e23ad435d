using Delos.Client;
using Delos.Client.Admin;
using Delos.Tests.Histories;
using Delos.Tests.Processes;

namespace Delos.Tests.Nemesis;

/// <summary>
/// A flipped bit in, or a lost end of, every file that a node has on its disk, by kinds (see <see cref="FileKind"/>): done while the node is down, or behind its back. Nothing acknowledged is lost, no wrong entry
/// is ever served, and the node mends itself or says what is wrong.
/// </summary>
[Category("Trap26")]
public sealed class DamagedFileTests : ProcessFixture
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [TestCase(false, TestName = "A_flipped_bit_in_any_file_of_a_node_that_is_down_is_mended_or_refused")]
    [TestCase(true, TestName = "A_flipped_bit_in_any_file_of_a_running_node_is_mended_or_refused")]
    public Task A_flipped_bit_in_any_file(bool running)
    {
        var random = new Random(1);
        return RunAsync(running, path => Damage.Flip(path, random));
    }

    [TestCase(false, TestName = "A_lost_end_of_any_file_of_a_node_that_is_down_is_mended_or_refused")]
    [TestCase(true, TestName = "A_lost_end_of_any_file_of_a_running_node_is_mended_or_refused")]
    public Task A_lost_end_of_any_file(bool running) => RunAsync(running, Damage.Truncate);

    private async Task RunAsync(bool running, Func<string, Damage?> doDamage)
    {
        await StartClusterAsync(WorkDirectory, 3, "storage.file_size=2MiB", "storage.spare_files=1");
        var history = new LogHistory();
        await using var client = await DelosClient.ConnectAsync(Cluster.Endpoints, new DelosClientOptions { DeleteGrace = TimeSpan.FromMilliseconds(50) });
        await using var load = LogLoad.Start(Cluster.Endpoints, Log, appenders: 4, outstanding: 8, history, options: new LogLoadOptions { Rest = TimeSpan.FromMilliseconds(5) });
        var victim = await LeaveTracesAsync(client, load);
        var node = Cluster[victim];

        foreach (var consequence in new[] { Consequence.Ignored, Consequence.Repaired, Consequence.Refused })
        {
            await UntilJournalsAreProvenAsync(node.DataDirectory);
            if (!running) await node.KillAsync();
            else await Signals.SendAsync("STOP", node.ProcessId);
            AssertAllKnown(node.DataDirectory);
            var kinds = FileKind.All.Where(k => k.Consequence == consequence).ToList();
            var damages = kinds.ToDictionary(k => k, k => k.FindIn(node.DataDirectory).Select(f => (File: f, Damage: doDamage(f))).Where(d => d.Damage is not null).ToList());
            if (running)
            {
                await Signals.SendAsync("CONT", node.ProcessId);
                await load.AdvanceAsync(200, s_patience);
                await ReadAllOfAsync(client);
                await node.KillAsync();
            }

            if (consequence == Consequence.Refused)
            {
                // One after the other, in the order in which the node comes upon them.
                var left = damages.Values.SelectMany(d => d).Where(d => d.Damage?.IsThere() == true).ToDictionary(d => d.File, d => d.Damage);
                while (left.Count > 0)
                {
                    var refusal = (await RefusalAsync(victim)).Split('\n').SingleOrDefault(l => l.StartsWith("delosd: ", StringComparison.Ordinal)) ?? "nothing";
                    var named = left.Keys.SingleOrDefault(f => refusal.Contains(f, StringComparison.Ordinal));
                    Assert.That(named, Is.Not.Null, $"one of the damaged files is named: {string.Join(", ", left.Keys)}; but it said: {refusal}");
                    Assert.That(refusal, Does.Contain("delosd node replace"), "with advice");
                    left.Remove(named ?? "", out var damage);
                    damage?.Undo();
                }
            }

            await Cluster.RestartAsync(victim, CancellationToken.None);
            await load.AdvanceAsync(200, s_patience);
            await ExtendAsync(client, new ReconfigExtendOptions { Sequencer = victim % 3 + 1 });
            await WaitUntilFullAsync(client, s_patience);
        }

        await load.StopAsync();
        await CheckAsync(history);
        await WaitUntilFullAsync(client, s_patience);
    }

    /// <summary>So that there is a file of every kind: sealed segments, a deleted one, generations that were closed by a restart, and open ones. The victim, which sequences nothing.</summary>
    private async Task<uint> LeaveTracesAsync(DelosClient client, LogLoad load)
    {
        await load.AdvanceAsync(300, s_patience);
        var victim = await SequencerNodeAsync(client) % 3 + 1;
        var stays = new ReconfigExtendOptions { Sequencer = victim % 3 + 1, Replicas = [1, 2, 3] };
        await ExtendAsync(client, stays);
        await client.Admin.ReconfigModifyAsync(Log, (await client.Admin.ChainAsync(Log)).Segments[0].Loglet.Id);
        await load.AdvanceAsync(300, s_patience);
        await Cluster[victim].KillAsync();
        await Cluster.RestartAsync(victim, CancellationToken.None);
        await ExtendAsync(client, stays);
        await client.Admin.ReconfigModifyAsync(Log, (await client.Admin.ChainAsync(Log)).Segments[0].Loglet.Id);
        await load.AdvanceAsync(300, s_patience);
        foreach (var kind in FileKind.All.Where(k => k.IsAlwaysThere)) Assert.That(kind.FindIn(Cluster[victim].DataDirectory), Is.Not.Empty, $"node {victim} has a {kind.Name}");
        return victim;
    }

    /// <summary>What was written to them last is followed by a checkpoint, soon after: until then its damage passes for a torn write.</summary>
    private static async Task UntilJournalsAreProvenAsync(string dataDirectory)
    {
        using var deadline = new CancellationTokenSource(s_patience);
        var journals = FileKind.All.Where(k => k.Consequence == Consequence.Refused);
        while (journals.SelectMany(k => k.FindIn(dataDirectory)).Any(f => DateTime.UtcNow - File.GetLastWriteTimeUtc(f) < TimeSpan.FromMilliseconds(500))) await Task.Delay(50, deadline.Token);
    }

    private static void AssertAllKnown(string dataDirectory)
    {
        var files = Directory.EnumerateFiles(dataDirectory, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(dataDirectory, f));
        Assert.That(files.Where(f => FileKind.Of(f) is null), Is.Empty, "files of no known kind: tell in FileKind what their damage means, and why");
    }

    /// <summary>Whoever reads may be served by the damaged node; it must notice.</summary>
    private static async Task ReadAllOfAsync(DelosClient client)
    {
        var last = -1L;
        await foreach (var entry in client.Log(Log).ReadAsync(0)) last = entry.Position;
        Assert.That(last, Is.Positive);
    }
}
