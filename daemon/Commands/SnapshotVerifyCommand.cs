using System.CommandLine;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd snapshot verify</c></summary>
internal static class SnapshotVerifyCommand
{
    public static Command Create()
    {
        var directory = SnapshotArguments.NewDirectory("The saved snapshot; or one of those in a table node's directory 'snapshots'.");
        return new Command("verify",
            """
            Reads every file of a snapshot and holds it against the snapshot's manifest. Needs no cluster. Exit code 1: something is damaged, which is listed.

            Example:
              delosd snapshot verify /backup/tables-2026-01-31
            """)
        { directory, SharedOptions.Output }.Does(async context =>
        {
            var saved = SnapshotArguments.Open(context.Arguments.GetValue(directory) ?? "");
            var problems = await SnapshotArguments.CheckAsync(context, saved).ConfigureAwait(false);
            if (context.Output.IsJson)
            {
                context.Output.JsonObject(json =>
                {
                    SnapshotArguments.Write(json, saved.Directory, saved.Origin, saved.Manifest);
                    json.WriteBoolean("whole", problems.Count == 0);
                    json.WriteStartArray("problems");
                    foreach (var problem in problems) json.WriteStringValue(problem);
                    json.WriteEndArray();
                });
            }
            else
            {
                foreach (var problem in problems) context.Output.Line(problem);
                var what = saved.Origin is { } origin ? $"log '{origin.Log}' of cluster {origin.ClusterId} up to position {origin.Snapshot.Cursor}, saved at {origin.SavedAt:yyyy-MM-dd HH:mm:ss}Z" : "a snapshot without origin";
                context.Output.Line(problems.Count > 0 ? $"damaged: {what}" : $"whole: {what}, {saved.Manifest?.Files.Count} files, {saved.Bytes} bytes");
            }

            return problems.Count > 0 ? ExitCode.Failed : ExitCode.Ok;
        });
    }
}
