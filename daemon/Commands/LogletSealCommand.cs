using System.CommandLine;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd loglet seal</c></summary>
internal static class LogletSealCommand
{
    public static Command Create() => new Command("seal",
        "Seals the Loglet of a log's active segment and stops there. The log goes on when a segment monitor or the next client installs a successor.\n\nExample: delosd loglet seal --log events")
        .WithLog().Does(async context =>
        {
            await using var client = context.Connect();
            var log = context.Arguments.GetValue(SharedOptions.Log) ?? "default";
            var result = await context.WithinTimeoutAsync(token => client.Admin.SealAsync(log, token)).ConfigureAwait(false);
            if (context.Output.IsJson)
            {
                context.Output.JsonObject(json =>
                {
                    json.WriteString("loglet", result.Chain.Active.Loglet.Id.ToString());
                    json.WriteNumber("version", result.Chain.Version);
                    json.WriteNumber("computedTail", result.ComputedTail);
                });
            }
            else
            {
                context.Output.Line($"sealed {result.Chain.Active.Loglet.Id}; computed tail {result.ComputedTail} (only the chain that follows fixes it)");
            }

            return ExitCode.Ok;
        });
}
