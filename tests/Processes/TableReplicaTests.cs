using Delos.Client.Tables;
using Delos.Protocol.Tables;

namespace Delos.Tests.Processes;

/// <summary>Replicas that come back with nothing, or come for the first time, when the log does not reach back to its beginning.</summary>
public sealed class TableReplicaTests : TableFixture
{
    [Test]
    [Category("Trap24")]
    public async Task A_wiped_replica_and_a_new_one_take_a_snapshot_from_their_peers_and_the_log_is_trimmed()
    {
        // Of five nodes four have the tables; the last of them comes later.
        await StartNodesAsync(4, node => [$"roles.table={(node <= 3 ? "true" : "false")}", "table.report_every=300ms", "table.evict_after=1m", "table.snapshot_every=200"]);
        await using var client = await ConnectAsync();
        await using var tables = TableClient.Connect(client);
        await tables.CreateTableAsync(Users);
        var users = tables.Table("users");
        var log = client.Log("tables");
        var next = 0L;
        while (await log.FirstPositionAsync() == 0) await PutAsync(100);

        // Wiped.
        await Cluster[3].KillAsync();
        Directory.Delete(Path.Combine(Cluster[3].DataDirectory, "table"), recursive: true);
        var trimmed = await log.FirstPositionAsync();
        await PutAsync(500);
        Cluster[3].Start();
        await ServesAsync(3);

        // New: its role is all that is said.
        await Cluster[4].StopAsync();
        await File.WriteAllTextAsync(Cluster[4].ConfigFile, (await File.ReadAllTextAsync(Cluster[4].ConfigFile)).Replace("table=false", "table=true", StringComparison.Ordinal));
        Cluster[4].Start();
        await ServesAsync(4);
        while (await log.FirstPositionAsync() <= trimmed) await PutAsync(100);

        async Task PutAsync(int count)
        {
            await Task.WhenAll(Enumerable.Range(0, count).Select(async _ => await users.PutAsync(User(Interlocked.Increment(ref next), "n"))));
        }

        async Task ServesAsync(uint node)
        {
            await Cluster[node].ReadyAsync(default);
            await UntilAsync(async () => (await StatusAsync(client, node)).Table is { State: "applying" }, $"node {node} applies");
            var (reply, _) = await new NodeTables(client, node).ReadAsync(new DescribeTables("users"));
            Assert.That(((TablesResult)reply.Result!).Tables[0].Rows, Is.EqualTo(next));
        }
    }
}
