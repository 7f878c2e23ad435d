using System.CommandLine;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd log list</c></summary>
internal static class LogListCommand
{
    public static Command Create() => new Command("list", "Lists the logs of the cluster.\n\nExample: delosd log list -o json").WithCluster().Does(async context =>
    {
        await using var client = context.Connect();
        var names = await context.WithinTimeoutAsync(client.Admin.ListLogsAsync).ConfigureAwait(false);
        var rows = new List<string[]>();
        foreach (var name in names.Order(StringComparer.Ordinal))
        {
            var chain = await context.WithinTimeoutAsync(token => client.Admin.ChainAsync(name, token)).ConfigureAwait(false);
            if (context.Output.IsJson)
            {
                context.Output.JsonObject(json =>
                {
                    json.WriteString("log", name);
                    json.WriteNumber("version", chain.Version);
                    json.WriteNumber("segments", chain.Segments.Count);
                    json.WriteNumber("activeStart", chain.Active.Start);
                    json.WriteStartArray("sequencers");
                    foreach (var node in chain.Active.Loglet.SequencerNodes) json.WriteNumberValue(node);
                    json.WriteEndArray();
                });
            }

            rows.Add([name, ChainPrinter.Text(chain.Version), ChainPrinter.Text(chain.Segments.Count), ChainPrinter.Text(chain.Active.Start), ChainPrinter.Nodes(chain.Active.Loglet.SequencerNodes)]);
        }

        if (!context.Output.IsJson) context.Output.Table(["LOG", "VERSION", "SEGMENTS", "ACTIVE FROM", "SEQUENCER"], rows);
        return ExitCode.Ok;
    });
}
