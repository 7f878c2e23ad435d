using System.CommandLine;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd log tail</c></summary>
internal static class LogTailCommand
{
    public static Command Create() => new Command("tail", "Prints the tail of a log: the first position that is not written, checked with a majority.\n\nExample: delosd log tail --log events")
        .WithLog().Does(async context =>
        {
            await using var client = context.Connect();
            var log = await ExistingLog.OpenAsync(client, context).ConfigureAwait(false);
            var tail = await context.WithinTimeoutAsync(log.CheckTailAsync).ConfigureAwait(false);
            var first = await context.WithinTimeoutAsync(log.FirstPositionAsync).ConfigureAwait(false);
            if (context.Output.IsJson)
            {
                context.Output.JsonObject(json =>
                {
                    json.WriteNumber("tail", tail);
                    json.WriteNumber("first", first);
                });
            }
            else
            {
                context.Output.Line($"{tail}");
            }

            return ExitCode.Ok;
        });
}
