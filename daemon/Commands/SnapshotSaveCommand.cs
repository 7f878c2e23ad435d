using System.CommandLine;
using Delos.Client;
using Delos.LocalStorage;
using Delos.LocalStorage.Peers;
using Delos.Protocol.Connections;
using Delos.Runtime;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd snapshot save</c></summary>
internal static class SnapshotSaveCommand
{
    /// <summary>A node that has written none for so long is given up; its disk must hang.</summary>
    private static readonly TimeSpan s_writePatience = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(1);

    public static Command Create()
    {
        var directory = SnapshotArguments.NewDirectory("Where to put the snapshot; must not exist, or be empty. It is there whole or not at all: until then it grows in DIRECTORY.partial.");
        var node = new Option<uint?>("--node") { Description = "Copy from that node. Default: any one.", HelpName = "N" };
        var existing = new Option<bool>("--existing") { Description = "Take the newest snapshot that there is, instead of having a new one written; tells how far it is behind." };
        return new Command("save",
            $"""
            Copies a snapshot of all tables into a directory: everything that was answered before the command began, since a node writes a new snapshot for it
            (give it up to {s_writePatience.TotalMinutes:0} minutes, if the tables are large). Each file is checked as it arrives. The same command goes on where an interrupted one was.

            {SnapshotArguments.What}

            Examples:
              delosd snapshot save /backup/tables-2026-01-31
              delosd snapshot save /backup/now --node 2 --existing -o json
            """)
        { directory, node, existing, SnapshotNodes.LogOption }.WithCluster().Does(async context =>
        {
            var target = Path.GetFullPath(context.Arguments.GetValue(directory) ?? "");
            if (File.Exists(target) || (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any())) throw new CommandException(ExitCode.Conflict, $"{target} is there already; choose another directory");
            await using var client = context.Connect();
            var nodes = await SnapshotNodes.FindAsync(context, client).ConfigureAwait(false);
            var candidates = Candidates(nodes, context.Arguments.GetValue(node));
            var log = client.Log(nodes.Log, LogOptions.Default with { CreateIfMissing = false });
            var tail = await context.WithinTimeoutAsync(log.CheckTailAsync).ConfigureAwait(false);
            var (from, snapshot) = context.Arguments.GetValue(existing)
                ? await NewestAsync(context, nodes, candidates).ConfigureAwait(false)
                : await FreshAsync(context, nodes, candidates, tail).ConfigureAwait(false);
            using var backup = SnapshotBackup.TryBegin(target) ?? throw new CommandException(ExitCode.Conflict, $"another process saves to {target} just now");
            var clusterId = await CopyAsync(context, nodes, from, snapshot, backup).ConfigureAwait(false);
            backup.Commit(new SnapshotOrigin(clusterId, nodes.Log, snapshot, DateTimeOffset.UtcNow, 0));
            Print(context.Output, SavedSnapshot.Open(target), from, Math.Max(0, tail - snapshot.Cursor));
            return ExitCode.Ok;
        });
    }

    /// <exception cref="CommandException">There are none.</exception>
    private static IReadOnlyList<uint> Candidates(SnapshotNodes nodes, uint? wanted)
    {
        if (wanted is not { } node) return nodes.Nodes.Count > 0 ? nodes.Nodes : throw new CommandException(ExitCode.Unreachable, $"no table node answers: {Reasons(nodes.Silent)}");
        if (nodes.Nodes.Contains(node)) return [node];
        throw nodes.Silent.Any(s => s.Node == node)
            ? new CommandException(ExitCode.Unreachable, Reasons(nodes.Silent.Where(s => s.Node == node)))
            : new CommandException(ExitCode.NotFound, $"node {node} serves no tables of log '{nodes.Log}'");
    }

    /// <summary>Has a node write one that holds everything below the tail.</summary>
    private static async Task<(uint Node, SnapshotInfo Snapshot)> FreshAsync(CommandContext context, SnapshotNodes nodes, IReadOnlyList<uint> candidates, long tail)
    {
        var reasons = new List<(uint, string)>();
        foreach (var node in candidates)
        {
            try
            {
                var (peer, _) = await context.WithinTimeoutAsync(token => nodes.ConnectAsync(node, token)).ConfigureAwait(false);
                return (node, await peer.WriteAsync(tail, s_writePatience, context.Cancelled).ConfigureAwait(false));
            }
            catch (Exception e) when (SnapshotNodes.IsOfNode(e))
            {
                reasons.Add((node, e.Message));
            }
        }

        throw new CommandException(ExitCode.Unreachable, $"no new snapshot could be had ({Reasons(reasons)}); --existing takes the newest that there is");
    }

    private static async Task<(uint Node, SnapshotInfo Snapshot)> NewestAsync(CommandContext context, SnapshotNodes nodes, IReadOnlyList<uint> candidates)
    {
        var found = new List<(uint Node, SnapshotInfo Snapshot)>();
        var reasons = new List<(uint, string)>();
        foreach (var node in candidates)
        {
            try
            {
                found.AddRange((await context.WithinTimeoutAsync(token => nodes.ListAsync(node, token)).ConfigureAwait(false)).Select(s => (node, s)));
            }
            catch (Exception e) when (SnapshotNodes.IsOfNode(e))
            {
                reasons.Add((node, e.Message));
            }
        }

        if (found.Count > 0) return found.MaxBy(static f => f.Snapshot.Cursor);
        throw reasons.Count > 0
            ? new CommandException(ExitCode.Unreachable, $"no snapshot could be found: {Reasons(reasons)}")
            : new CommandException(ExitCode.NotFound, "there is no snapshot yet; without --existing one is written");
    }

    /// <summary>Copies, again and again as long as that brings anything.</summary>
    /// <returns>The cluster's id.</returns>
    private static async Task<Guid> CopyAsync(CommandContext context, SnapshotNodes nodes, uint node, SnapshotInfo snapshot, SnapshotBackup backup)
    {
        var progress = new ProgressLine(context.Error, "MiB");
        var copy = new SnapshotCopy(backup.Directory, snapshot, (there, all) => progress.Say(there >> 20, all == 0 ? -1 : (double)there / all));
        while (true)
        {
            var before = copy.Received;
            try
            {
                var (peer, clusterId) = await nodes.ConnectAsync(node, context.Cancelled).ConfigureAwait(false);
                await copy.FromAsync(peer, context.Cancelled).ConfigureAwait(false);
                progress.End();
                return clusterId;
            }
            catch (Exception e) when (SnapshotNodes.IsOfNode(e))
            {
                progress.End();
                if (copy.Received == before || e is InvalidDataException)
                {
                    throw new CommandException(e is ConnectionLostException or TimeoutException ? ExitCode.Unreachable : ExitCode.Failed, $"the snapshot at {snapshot.Cursor} could not be copied from node {node}: {e.Message} What came of it is in {backup.Directory}; the same command goes on there");
                }
            }

            await Task.Delay(s_retry, context.Cancelled).ConfigureAwait(false);
        }
    }

    private static void Print(Output output, SavedSnapshot saved, uint node, long behind)
    {
        if (saved is not { Origin: { } origin, Manifest: { } manifest }) throw new InvalidDataException(string.Join(' ', saved.Problems));
        if (output.IsJson)
        {
            output.JsonObject(json =>
            {
                SnapshotArguments.Write(json, saved.Directory, origin, manifest);
                json.WriteNumber("node", node);
                json.WriteNumber("behind", behind);
            });
            return;
        }

        output.Line($"saved log '{origin.Log}' up to position {origin.Snapshot.Cursor}, {(behind > 0 ? $"{behind} positions behind its tail" : "its tail when the command began")}: {manifest.Files.Count} files, {manifest.Bytes} bytes from node {node} in {saved.Directory}");
    }

    private static string Reasons(IEnumerable<(uint Node, string Reason)> reasons) => string.Join("; ", reasons.Select(static r => $"node {r.Node}: {r.Reason}"));
}
