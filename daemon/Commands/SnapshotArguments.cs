using System.CommandLine;
using System.Text.Json;
using Delos.LocalStorage;

namespace Delos.Daemon.Commands;

/// <summary>What the commands about saved snapshots have in common.</summary>
internal static class SnapshotArguments
{
    /// <summary>For their help.</summary>
    public const string What =
        """
        A snapshot is the state after some position of one log, and is of use with that log only, as long as the log reaches back to that position: for table nodes that lost
        their disks. It cannot begin another cluster; for that, and for keeping data for long, there is 'delosd table export' and 'import'.
        """;

    public static Argument<string> NewDirectory(string description) => new("DIRECTORY") { Description = description };

    /// <exception cref="CommandException">There is no such directory.</exception>
    public static SavedSnapshot Open(string directory) =>
        Directory.Exists(directory) ? SavedSnapshot.Open(directory) : throw new CommandException(ExitCode.NotFound, $"there is no directory {Path.GetFullPath(directory)}");

    /// <summary>Reads all of it, with progress.</summary>
    /// <returns>What is wrong with it.</returns>
    public static async Task<IReadOnlyList<string>> CheckAsync(CommandContext context, SavedSnapshot saved)
    {
        var progress = new ProgressLine(context.Error, "MiB");
        var problems = await saved.CheckAsync(read => progress.Say(read >> 20, saved.Bytes == 0 ? -1 : (double)read / saved.Bytes), context.Cancelled).ConfigureAwait(false);
        progress.End();
        return problems;
    }

    public static void Write(Utf8JsonWriter json, string directory, SnapshotOrigin? origin, SnapshotManifest? manifest)
    {
        json.WriteString("directory", directory);
        if (origin is not null)
        {
            json.WriteString("clusterId", origin.ClusterId);
            json.WriteString("log", origin.Log);
            json.WriteNumber("cursor", origin.Snapshot.Cursor);
            json.WriteNumber("replica", origin.Snapshot.Replica);
            json.WriteString("savedAt", origin.SavedAt);
        }

        if (manifest is null) return;
        json.WriteNumber("files", manifest.Files.Count);
        json.WriteNumber("bytes", manifest.Bytes);
    }
}
