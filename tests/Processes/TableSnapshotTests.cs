using Delos.Client.Tables;
using Delos.Daemon.Commands;
using Delos.Protocol.Tables;

namespace Delos.Tests.Processes;

/// <summary><c>delosd snapshot</c> on a cluster of real processes whose tables are lost, all of them.</summary>
public sealed class TableSnapshotTests : TableFixture
{
    [Test]
    [Category("Trap24")]
    public async Task Tables_that_all_nodes_have_lost_begin_again_from_a_saved_snapshot()
    {
        await StartNodesAsync(3, static _ => ["roles.table=true", "table.report_every=300ms", "table.evict_after=1m"]);
        var saved = Path.Combine(WorkDirectory, "saved");
        var (next, trimmed) = (0L, 0L);
        await using (var client = await ConnectAsync())
        await using (var tables = TableClient.Connect(client))
        {
            await tables.CreateTableAsync(Users);
            var users = tables.Table("users");
            await PutAsync(50);
            foreach (var (node, directory) in new[] { ("1", saved + "-before"), ("2", saved) })
            {
                var (code, output, error) = await RunAsync("save", directory, "--node", node, "-o", "json");
                Assert.That(code, Is.Zero, error);
                Assert.That(output, Does.Contain("\"behind\":0"), "it holds what was answered before");
                await PutAsync(50);
            }

            // Two nodes keep one now.
            await UntilAsync(async () => (trimmed = await client.Log("tables").FirstPositionAsync()) > 0, "the log is trimmed");

            async Task PutAsync(int count) => await Task.WhenAll(Enumerable.Range(0, count).Select(async _ => await users.PutAsync(User(Interlocked.Increment(ref next), "n"))));
        }

        var (listed, list, _) = await RunAsync("list");
        Assert.That((listed, list.Split('\n')[0]), Is.EqualTo((0, "NODE  LOG     CURSOR  BEHIND  WRITTEN BY  FILES  BYTES")));
        Assert.That(list.Split('\n'), Has.Length.GreaterThanOrEqualTo(4), list);
        Assert.That((await RunAsync("verify", saved)).Code, Is.Zero);
        var (refused, _, why) = await RestoreAsync();
        Assert.That(refused, Is.EqualTo(6), why);
        Assert.That(why, Does.Contain("in use by another delosd; stop the node first"));

        // Now nobody has the state, and the log does not have its beginning.
        foreach (var node in Cluster.Nodes)
        {
            await node.KillAsync();
            Directory.Delete(Path.Combine(node.DataDirectory, "table"), recursive: true);
        }

        var file = Directory.EnumerateFiles(Path.Combine(saved, "state"), "*.sst").First();
        await DamageAsync(file);
        Assert.That((await RunAsync("verify", saved)).Code, Is.EqualTo(1));
        Assert.That((await RestoreAsync()).Code, Is.EqualTo(1));
        await DamageAsync(file);
        var (restored, _, said) = await RestoreAsync();
        Assert.That(restored, Is.Zero, said);
        Assert.That(said, Does.Contain("the cluster does not answer"));
        foreach (var node in Cluster.Nodes) node.Start();
        foreach (var node in Cluster.Nodes) await node.ReadyAsync(default);
        await using var after = await ConnectAsync();
        Assert.That(await after.Log("tables").FirstPositionAsync(), Is.GreaterThanOrEqualTo(trimmed).And.GreaterThan(0));
        foreach (var node in Cluster.Nodes)
        {
            await UntilAsync(async () => (await StatusAsync(after, node.NodeId)).Table is { State: "applying" }, $"node {node.NodeId} applies");
            var (reply, _) = await new NodeTables(after, node.NodeId).ReadAsync(new DescribeTables("users"));
            Assert.That(((TablesResult)reply.Result!).Tables[0].Rows, Is.EqualTo(next), $"node {node.NodeId}: what was put later comes from the log");
        }

        Task<(int Code, string Output, string Error)> RestoreAsync() => CommandAsync("restore", saved, "--config", Cluster[1].ConfigFile, "--timeout", "300ms");
    }

    private Task<(int Code, string Output, string Error)> RunAsync(string command, params string[] arguments) =>
        CommandAsync([command, .. arguments, .. command == "verify" ? Array.Empty<string>() : ["--endpoints", Cluster.Endpoints]]);

    /// <summary>In this process, which is as good and starts sooner.</summary>
    private static async Task<(int Code, string Output, string Error)> CommandAsync(params string[] arguments)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var code = await CommandLine.InvokeAsync(["snapshot", .. arguments], output, error);
        return (code, output.ToString(), error.ToString());
    }

    private static async Task DamageAsync(string file)
    {
        var bytes = await File.ReadAllBytesAsync(file);
        bytes[bytes.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(file, bytes);
    }
}
