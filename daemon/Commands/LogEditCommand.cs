using System.CommandLine;
using System.Text;
using Delos.Client.Admin;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd log edit</c></summary>
internal static class LogEditCommand
{
    public static Command Create()
    {
        var position = new Argument<long>("POSITION") { Description = "Where the entry is." };
        var delete = new Option<bool>("--delete") { Description = "Readers do not see the entry any more." };
        var payload = new Option<string?>("--payload") { Description = "Readers see this text instead.", HelpName = "TEXT" };
        var file = new Option<string?>("--file") { Description = "Readers see the bytes of this file instead.", HelpName = "PATH" };
        var reason = new Option<string?>("--reason") { Description = "For the chain's history.", HelpName = "TEXT" };
        return new Command("edit",
            """
            Patches or deletes one entry that applications cannot live with: copies its segment with the change into a new Loglet, and puts that into the chain. Append id and position stay.
            If the entry is in the active segment, that one is given a successor first. An application that has read the entry already keeps what it made of it.

            Examples:
              delosd log edit 1234 --delete --log events --reason "makes the importer fail"
              delosd log edit 1234 --file fixed.bin
            """)
        { position, delete, payload, file, reason }.WithLog().Does(async context =>
        {
            var arguments = context.Arguments;
            var at = arguments.GetValue(position);
            if (at < 0) throw new CommandException(ExitCode.Usage, "POSITION is 0 or more");
            var edit = await ReadEditAsync(arguments.GetValue(delete), arguments.GetValue(payload), arguments.GetValue(file)).ConfigureAwait(false);
            var log = arguments.GetValue(SharedOptions.Log) ?? "default";
            await using var client = context.Connect();
            var result = await context.WithinTimeoutAsync(token => client.Admin.EditEntryAsync(log, at, edit, arguments.GetValue(reason) ?? "operator", token)).ConfigureAwait(false);
            if (context.Output.IsJson)
            {
                context.Output.JsonObject(json =>
                {
                    json.WriteBoolean("won", result.Won);
                    json.WriteNumber("position", at);
                    json.WriteNumber("version", result.Chain.Version);
                });
            }
            else
            {
                context.Output.Line(result.Won ? $"position {at} {(edit.Payload is null ? "is deleted" : "is patched")} in version {result.Chain.Version} of the chain" : $"somebody else changed the chain first (version {result.Chain.Version}); nothing was done");
            }

            return result.Won ? ExitCode.Ok : ExitCode.Conflict;
        });
    }

    private static async Task<EntryEdit> ReadEditAsync(bool delete, string? payload, string? file)
    {
        if ((delete ? 1 : 0) + (payload is null ? 0 : 1) + (file is null ? 0 : 1) != 1) throw new CommandException(ExitCode.Usage, "say one of --delete, --payload and --file");
        if (delete) return EntryEdit.Delete;
        if (payload is not null) return EntryEdit.Replace(Encoding.UTF8.GetBytes(payload));
        try
        {
            return EntryEdit.Replace(await File.ReadAllBytesAsync(file!).ConfigureAwait(false));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.Usage, $"--file: {e.Message}");
        }
    }
}
