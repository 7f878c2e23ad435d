using System.CommandLine;
using Delos.Client;
using Delos.Client.MetaStore;
using Delos.Daemon.Configuration;
using Delos.Daemon.Node;
using Delos.Daemon.Tables;
using Delos.LocalStorage;
using Delos.Protocol.Connections;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd snapshot restore</c></summary>
internal static class SnapshotRestoreCommand
{
    public static Command Create()
    {
        var directory = SnapshotArguments.NewDirectory("The saved snapshot.");
        var discard = new Option<bool>("--discard-store") { Description = "The node's replica has a state, which is to be thrown away." };
        var timeout = SharedOptions.Duration("--timeout", "How long to wait for the cluster, which is asked whether the log still reaches back to the snapshot; without an answer that is not checked.", "5s");
        return new Command("restore",
            $"""
            Has the replica of the tables on a stopped node begin from a saved snapshot, and keep a copy of it, so that other nodes can begin from it, too. Run it on the
            node, as the user of its daemon, with the node's configuration; then start the daemon. A node that lost its replica while others have theirs does not need it:
            it copies a snapshot from them by itself. This is for when all that have one are gone.

            {SnapshotArguments.What}

            Refused (exit code 6): the daemon runs; the snapshot is of another cluster or log; the log does not reach back to it; the replica has a state already.

            Example:
              delosd snapshot restore /backup/tables-2026-01-31 --config /etc/delosd.conf
            """)
        { directory, SharedOptions.Config, SharedOptions.Set, discard, timeout, SharedOptions.Output }.Does(async context =>
        {
            var saved = SnapshotArguments.Open(context.Arguments.GetValue(directory) ?? "");
            var problems = await SnapshotArguments.CheckAsync(context, saved).ConfigureAwait(false);
            if (problems.Count > 0) throw new CommandException(ExitCode.Failed, $"the snapshot is damaged: {string.Join(' ', problems.Take(3))}");
            if (saved is not { Origin: { } origin, Manifest: { } manifest }) throw new CommandException(ExitCode.Conflict, $"{saved.Directory} has no file 'origin', so nobody knows of which cluster and log it is; was it made by 'delosd snapshot save'?");
            var options = NodeOptions.From(SharedOptions.LoadSettings(context.Arguments));
            var table = options.Table ?? throw new CommandException(ExitCode.Conflict, $"node {options.NodeId} has no role table in its configuration");
            using var disk = Hold(options);
            CheckIdentity(origin, disk, table);
            if (HasStore(table) && !context.Arguments.GetValue(discard)) throw new CommandException(ExitCode.Conflict, $"the replica has a state in {table.StoreDirectory}, from which it would go on; --discard-store throws it away");
            await CheckLogAsync(context, origin, options, context.Arguments.GetValue(timeout)).ConfigureAwait(false);
            await PutAsync(saved, manifest, origin.Snapshot.Cursor, disk.Identity.Identity.NodeId, table, context.Cancelled).ConfigureAwait(false);
            if (context.Output.IsJson)
            {
                context.Output.JsonObject(json =>
                {
                    SnapshotArguments.Write(json, saved.Directory, origin, manifest);
                    json.WriteNumber("node", options.NodeId);
                });
            }
            else
            {
                context.Output.Line($"node {options.NodeId} has the state of log '{origin.Log}' up to position {origin.Snapshot.Cursor} now; start its daemon");
            }

            return ExitCode.Ok;
        });
    }

    private static NodeDisk Hold(NodeOptions options)
    {
        try
        {
            return NodeDisk.Open(options);
        }
        catch (NodeStartException e)
        {
            throw new CommandException(ExitCode.Conflict, $"{e.Message}{(e.InnerException is null ? "" : "; stop the node first")}");
        }
    }

    private static void CheckIdentity(SnapshotOrigin origin, NodeDisk disk, TableOptions table)
    {
        var cluster = disk.Identity.Identity.ClusterId;
        if (origin.ClusterId != cluster) throw new CommandException(ExitCode.Conflict, $"the snapshot is of cluster {origin.ClusterId}, the node of cluster {cluster}; tables go from one cluster to another by 'delosd table export' and 'import'");
        if (origin.Log != table.Log) throw new CommandException(ExitCode.Conflict, $"the snapshot is of log '{origin.Log}', the node's tables are in log '{table.Log}' (table.log)");
    }

    private static bool HasStore(TableOptions table) => Directory.Exists(table.StoreDirectory) && Directory.EnumerateFileSystemEntries(table.StoreDirectory).Any();

    /// <summary>The log must reach back to the snapshot, and reach it: else no replica can go on from there. Said only if the cluster does not answer; it may be down as a whole, and the replica will find out.</summary>
    private static async Task CheckLogAsync(CommandContext context, SnapshotOrigin origin, NodeOptions options, TimeSpan timeout)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(context.Cancelled);
        patience.CancelAfter(timeout);
        try
        {
            await using var client = DelosClient.Connect(string.Join(',', options.MetaStore), new DelosClientOptions { ClusterId = origin.ClusterId });
            await client.Admin.ChainAsync(origin.Log, patience.Token).ConfigureAwait(false);
            var log = client.Log(origin.Log, LogOptions.Default with { CreateIfMissing = false });
            var first = await log.FirstPositionAsync(patience.Token).ConfigureAwait(false);
            if (origin.Snapshot.Cursor < first) throw new CommandException(ExitCode.Conflict, $"log '{origin.Log}' begins at {first}: what follows the snapshot at {origin.Snapshot.Cursor} was trimmed, so no replica can go on from it");
            var tail = await log.CheckTailAsync(patience.Token).ConfigureAwait(false);
            if (origin.Snapshot.Cursor > tail) throw new CommandException(ExitCode.Conflict, $"log '{origin.Log}' ends at {tail}: it is not the one of which the snapshot at {origin.Snapshot.Cursor} is");
        }
        catch (DelosException e) when (e.Code == DelosErrorCode.NotFound)
        {
            throw new CommandException(ExitCode.Conflict, $"the cluster has no log '{origin.Log}' (any more)");
        }
        catch (Exception e) when (e is DelosException or MetaStoreUnavailableException or ConnectionLostException or OperationCanceledException && !context.Cancelled.IsCancellationRequested)
        {
            await context.Error.WriteLineAsync($"delosd: the cluster does not answer, so it is not known whether log '{origin.Log}' still reaches back to {origin.Snapshot.Cursor}; if not, the replica will say so").ConfigureAwait(false);
        }
    }

    /// <summary>As a snapshot of the node's own: it answers for it from now on, as if it had written it, offers it to others, and withdraws it should its state turn out to be wrong. And as its store.</summary>
    private static async Task PutAsync(SavedSnapshot saved, SnapshotManifest manifest, long cursor, uint node, TableOptions table, CancellationToken cancellationToken)
    {
        var snapshots = new DirectorySnapshots(table.EffectiveSnapshotDirectory);
        var snapshot = await snapshots.PutAsync(node, cursor, saved.State, manifest, cancellationToken).ConfigureAwait(false);
        await new RocksStoreFactory(table.Store).RestoreAsync(await snapshots.FetchAsync(snapshot, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
    }
}
