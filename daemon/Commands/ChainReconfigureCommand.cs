using System.CommandLine;
using Delos.Client.Admin;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd chain reconfigure</c></summary>
internal static class ChainReconfigureCommand
{
    public static Command Create()
    {
        var replicas = new Option<string?>("--replicas") { Description = "Node ids of the LogServers, separated by commas. Default: chosen.", HelpName = "1,2,3" };
        var sequencer = new Option<uint?>("--sequencer") { Description = "Node id of the sequencer. Default: chosen.", HelpName = "N" };
        var avoid = new Option<string?>("--avoid") { Description = "Node ids not to use if there are others.", HelpName = "1,2" };
        var version = new Option<ulong?>("--expect-version") { Description = "Act only on this version of the chain.", HelpName = "V" };
        var reason = new Option<string?>("--reason") { Description = "For the chain's history.", HelpName = "TEXT" };
        var command = new Command("reconfigure",
            """
            Seals the active segment and installs a new one behind it; appends go on.

            Examples:
              delosd chain reconfigure --sequencer 2 --reason "move off node 1"
              delosd chain reconfigure --replicas 1,2,3,4,5 --replication 5
              delosd chain reconfigure --loglet striped --stripes 3
              delosd chain reconfigure --loglet native
            """)
        { replicas, sequencer, avoid, version, reason };
        var wanted = PolicyOptions.AddTo(command);
        return command.WithLog().Does(async context =>
        {
            var arguments = context.Arguments;
            var log = arguments.GetValue(SharedOptions.Log) ?? "default";
            var named = NodeIds("--replicas", arguments.GetValue(replicas));
            await using var client = context.Connect();
            var before = await context.WithinTimeoutAsync(token => client.Admin.ChainAsync(log, token)).ConfigureAwait(false);
            var policy = wanted.Read(arguments, before.Policy, named?.Count);
            var options = new ReconfigExtendOptions
            {
                Policy = policy == before.Policy ? null : policy,
                Replicas = named,
                Sequencer = arguments.GetValue(sequencer),
                Avoid = NodeIds("--avoid", arguments.GetValue(avoid)) ?? [],
                ExpectedVersion = arguments.GetValue(version),
                Reason = arguments.GetValue(reason) ?? "operator",
            };
            var result = await context.WithinTimeoutAsync(token => client.Admin.ReconfigExtendAsync(log, options, token)).ConfigureAwait(false);
            Print(context.Output, log, result);
            return result.Won ? ExitCode.Ok : ExitCode.Conflict;
        });
    }

    private static void Print(Output output, string log, ReconfigResult result)
    {
        var pause = result.Durations.Pause.TotalMilliseconds;
        if (output.IsJson)
        {
            output.JsonObject(json =>
            {
                json.WriteBoolean("won", result.Won);
                json.WriteNumber("prepareMs", Math.Round(result.Durations.Prepare.TotalMilliseconds, 3));
                json.WriteNumber("sealMs", Math.Round(result.Durations.Seal.TotalMilliseconds, 3));
                json.WriteNumber("writeMs", Math.Round(result.Durations.Write.TotalMilliseconds, 3));
                json.WriteNumber("pauseMs", Math.Round(pause, 3));
                json.WriteStartObject("chain");
                ChainPrinter.Write(json, log, result.Chain);
                json.WriteEndObject();
            });
            return;
        }

        output.Line(result.Won ? $"installed version {result.Chain.Version}; appends paused for {pause:F1} ms" : $"somebody else installed version {result.Chain.Version} first; nothing was done");
        ChainPrinter.Print(output, log, result.Chain);
    }

    private static List<uint>? NodeIds(string option, string? text)
    {
        if (text is null) return null;
        var ids = new List<uint>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!uint.TryParse(part, out var id) || id == 0 || ids.Contains(id)) throw new CommandException(ExitCode.Usage, $"{option}: '{part}' is not a node id, or is named twice");
            ids.Add(id);
        }

        return ids.Count > 0 ? ids : throw new CommandException(ExitCode.Usage, $"{option}: names no node");
    }
}
