using System.CommandLine;
using Delos.Client;
using Delos.LocalStorage;
using Delos.Runtime;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd snapshot list</c></summary>
internal static class SnapshotListCommand
{
    public static Command Create() => new Command("list",
        """
        Lists the snapshots that the table nodes keep now. CURSOR: everything below that position of the log is in it; BEHIND: positions from there to the log's tail.
        Exit code 3: not all table nodes answered.

        Example:
          delosd snapshot list -o json | jq -s 'max_by(.cursor)'
        """)
    { SnapshotNodes.LogOption }.WithCluster().Does(async context =>
    {
        await using var client = context.Connect();
        var nodes = await SnapshotNodes.FindAsync(context, client).ConfigureAwait(false);
        var tail = await TailAsync(context, client, nodes.Log).ConfigureAwait(false);
        var silent = nodes.Silent.ToList();
        var found = new List<Found>();
        foreach (var node in nodes.Nodes.Order())
        {
            try
            {
                found.AddRange(await context.WithinTimeoutAsync(token => ListAsync(nodes, node, token)).ConfigureAwait(false));
            }
            catch (Exception e) when (SnapshotNodes.IsOfNode(e))
            {
                silent.Add((node, e.Message));
            }
        }

        if (context.Output.IsJson) foreach (var snapshot in found) context.Output.JsonObject(json => Write(json, snapshot, nodes.Log, tail));
        else context.Output.Table(["NODE", "LOG", "CURSOR", "BEHIND", "WRITTEN BY", "FILES", "BYTES"], [.. found.Select(f => Row(f, nodes.Log, tail))]);
        foreach (var (node, reason) in silent) await context.Error.WriteLineAsync($"delosd: node {node}: {reason}").ConfigureAwait(false);
        return silent.Count > 0 ? ExitCode.Degraded : ExitCode.Ok;
    });

    private static async ValueTask<List<Found>> ListAsync(SnapshotNodes nodes, uint node, CancellationToken cancellationToken)
    {
        var (peer, _) = await nodes.ConnectAsync(node, cancellationToken).ConfigureAwait(false);
        var found = new List<Found>();
        foreach (var snapshot in await peer.ListAsync(cancellationToken).ConfigureAwait(false)) found.Add(new Found(node, snapshot, await peer.ManifestAsync(snapshot, cancellationToken).ConfigureAwait(false)));
        return found;
    }

    /// <summary>Null: the log does not answer, which is no reason to hide its snapshots.</summary>
    private static async Task<long?> TailAsync(CommandContext context, DelosClient client, string log)
    {
        try
        {
            return await context.WithinTimeoutAsync(client.Log(log, LogOptions.Default with { CreateIfMissing = false }).CheckTailAsync).ConfigureAwait(false);
        }
        catch (Exception e) when (e is DelosException or CommandException)
        {
            return null;
        }
    }

    private static string[] Row(Found found, string log, long? tail) =>
    [
        ChainPrinter.Text(found.Node),
        log,
        ChainPrinter.Text(found.Snapshot.Cursor),
        tail is { } end ? ChainPrinter.Text(Math.Max(0, end - found.Snapshot.Cursor)) : "?",
        ChainPrinter.Text((long)found.Snapshot.Replica),
        ChainPrinter.Text(found.Manifest.Files.Count),
        ChainPrinter.Text(found.Manifest.Bytes),
    ];

    private static void Write(System.Text.Json.Utf8JsonWriter json, Found found, string log, long? tail)
    {
        json.WriteNumber("node", found.Node);
        json.WriteString("log", log);
        json.WriteNumber("cursor", found.Snapshot.Cursor);
        if (tail is { } end) json.WriteNumber("behind", Math.Max(0, end - found.Snapshot.Cursor));
        json.WriteNumber("replica", found.Snapshot.Replica);
        json.WriteNumber("files", found.Manifest.Files.Count);
        json.WriteNumber("bytes", found.Manifest.Bytes);
    }

    private sealed record Found(uint Node, SnapshotInfo Snapshot, SnapshotManifest Manifest);
}
