using System.Diagnostics;
using Delos.Client;
using Delos.Daemon.Dev;
using Delos.Protocol.Cluster;
using Delos.Protocol.Tables;

namespace Delos.Tests.Processes;

/// <summary>A cluster of real processes with tables.</summary>
public abstract class TableFixture : ProcessFixture
{
    protected static readonly CreateTable Users = new(
        "users",
        [new("id", ColumnType.Int64), new("name", ColumnType.String, Nullable: true), new("age", ColumnType.Int64, Default: 0L), new("mail", ColumnType.String, Nullable: true)],
        ["id"],
        [new IndexDefinition("by_name", ["name"]), new IndexDefinition("by_mail", ["mail"], Unique: true)],
        TableSettings.Default);

    /// <summary>Three nodes, each of which serves tables: what one is asked directly it does not refuse because it has only just begun.</summary>
    internal async Task StartTablesAsync(params string[] settings)
    {
        await StartClusterAsync(WorkDirectory, 3, ["storage.file_size=8MiB", "storage.spare_files=1", "roles.table=true", "table.report_every=1s", .. settings]);
        await using var client = await ConnectAsync();
        for (var node = 1U; node <= 3; node++) await UntilAsync(async () => (await StatusAsync(client, node)).Table is { State: "applying" }, $"node {node} serves tables");
    }

    internal Task StartNodesAsync(int nodes, Func<uint, IReadOnlyList<string>> settings) => StartClusterAsync(
        new DevClusterOptions { Nodes = nodes, Directory = WorkDirectory, Settings = ["storage.file_size=8MiB", "storage.spare_files=1"], NodeSettings = settings });

    internal async Task<DelosClient> ConnectAsync() => await DelosClient.ConnectAsync(Cluster.Endpoints);

    internal static Row User(long id, string name, long age = 0) => Row.Of(("id", id), ("name", name), ("age", age));

    internal static async Task<NodeStatusDocument> StatusAsync(DelosClient client, uint node)
    {
        var report = (await client.Admin.NodesAsync()).Single(n => n.NodeId == node);
        Assert.That(report.StatusJson, Is.Not.Null, report.Error);
        Assert.That(NodeStatusDocument.TryParse(report.StatusJson!.Value.Span, out var status), Is.True);
        return status!;
    }

    internal static async Task UntilAsync(Func<Task<bool>> isTrue, string what, int seconds = 60)
    {
        for (var begun = Stopwatch.GetTimestamp(); !await isTrue(); await Task.Delay(20))
        {
            if (Stopwatch.GetElapsedTime(begun) > TimeSpan.FromSeconds(seconds)) Assert.Fail($"Not within {seconds} s: {what}");
        }
    }

    /// <summary>Until the replicas of those nodes are at the same place of the log; there they must be equal.</summary>
    internal static Task EqualAsync(DelosClient client, params uint[] nodes) => UntilAsync(
        async () =>
        {
            // They report through the log now and then: compared when all are at the same place.
            var replicas = new List<TableStatusLine?>();
            foreach (var node in nodes) replicas.Add((await StatusAsync(client, node)).Table);
            Assert.That(replicas.Select(r => r?.State), Has.None.EqualTo("diverged"));
            if (replicas.Exists(r => r is not { State: "applying" }) || replicas.Select(r => r?.Cursor).Distinct().Count() != 1) return false;
            Assert.That(replicas.Select(r => r?.Checksum).Distinct().Count(), Is.EqualTo(1), string.Join(", ", replicas.Select(r => $"{r?.Checksum} at {r?.Cursor}")));
            return true;
        },
        "all replicas are at the same place");

    internal static async Task<TableStatus> StatusOfAsync(Func<Task> refused)
    {
        try
        {
            await refused();
        }
        catch (TableException e)
        {
            Assert.That(e.Message, Is.Not.Empty);
            return e.Status;
        }

        return TableStatus.Ok;
    }

    internal static async Task<List<T>> ListAsync<T>(IAsyncEnumerable<T> items)
    {
        var list = new List<T>();
        await foreach (var item in items) list.Add(item);
        return list;
    }
}
