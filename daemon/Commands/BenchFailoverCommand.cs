using System.CommandLine;
using System.Globalization;
using Delos.Client;
using Delos.Client.Admin;
using Delos.Daemon.Dev;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd bench failover</c></summary>
internal static class BenchFailoverCommand
{
    private static readonly TimeSpan s_afterPlanned = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_longestGap = TimeSpan.FromMinutes(1);

    public static Command Create()
    {
        var nodes = new Option<int>("--nodes") { Description = "Daemons of the throw-away cluster.", HelpName = "N", DefaultValueFactory = _ => 3 };
        var trials = new Option<int>("--trials") { Description = "Planned reconfigurations.", HelpName = "N", DefaultValueFactory = _ => 10 };
        var kills = new Option<int?>("--kills") { Description = "Kills of the sequencer after them. Default: as many.", HelpName = "N" };
        var outstanding = new Option<int>("--outstanding", "-k") { Description = "Appends under way at a time.", HelpName = "K", DefaultValueFactory = _ => 64 };
        var settle = SharedOptions.Duration("--settle", "How long the log is appended to between two trials; after a kill, once the node is ready again.", "2s");
        var data = new Option<string?>("--data") { Description = "Where the throw-away cluster is put; must not be tmpfs. Default: the current directory.", HelpName = "DIR" };
        var keep = new Option<bool>("--keep") { Description = "Keep the cluster's directory with the nodes' log files and the client's, to see where a gap's time went." };
        return new Command("failover",
            """
            Measures for how long a client's appends stand still when an operator reconfigures under load, and when the sequencer's process is killed (SIGKILL). Runs against an own throw-away cluster of real
            processes on this machine's disk. A gap is the longest time between two acknowledgements around the event; it is waited for to its end, a minute at most. Fails if an append failed, or if the log's length is not the number of acknowledged appends.

            Examples:
              delosd bench failover --trials 10 -o json
              delosd bench failover --trials 100 --kills 0 --outstanding 256 -o json
            """)
        { nodes, trials, kills, outstanding, settle, data, keep, SharedOptions.Set, SharedOptions.Output, SharedOptions.Timeout }.Does(async context =>
        {
            var arguments = context.Arguments;
            var plan = new Plan(
                Between("--nodes", arguments.GetValue(nodes), 3, 64), Between("--trials", arguments.GetValue(trials), 1, 10_000),
                Between("--kills", arguments.GetValue(kills) ?? arguments.GetValue(trials), 0, 10_000), Between("--outstanding", arguments.GetValue(outstanding), 1, 1 << 16),
                arguments.GetValue(settle));
            using var directory = new ScratchDirectory(arguments.GetValue(data) ?? ".") { IsKept = arguments.GetValue(keep) };
            using var journal = directory.IsKept ? new FileLog(Path.Combine(directory.Path, "client.log")) : null;
            using var logging = LoggerFactory.Create(b =>
            {
                if (journal is not null) b.SetMinimumLevel(LogLevel.Debug).AddProvider(journal);
            });
            if (directory.IsKept) await context.Error.WriteLineAsync($"delosd: the log files will be in {directory.Path}").ConfigureAwait(false);
            var options = new DevClusterOptions { Nodes = plan.Nodes, Directory = Path.Combine(directory.Path, "cluster"), Settings = arguments.GetValue(SharedOptions.Set) ?? [] };
            await using var cluster = await DevCluster.StartAsync(options, context.Cancelled).ConfigureAwait(false);
            await using var client = DelosClient.Connect(cluster.Endpoints, new DelosClientOptions { LoggerFactory = logging });
            return await MeasureAsync(context, cluster, client, plan, journal).ConfigureAwait(false);
        });
    }

    private static int Between(string option, int value, int minimum, int maximum) =>
        value >= minimum && value <= maximum ? value : throw new CommandException(ExitCode.Usage, $"{option} is {minimum} to {maximum}");

    private static async Task<int> MeasureAsync(CommandContext context, DevCluster cluster, DelosClient client, Plan plan, FileLog? journal)
    {
        const string name = "failover";
        var cancelled = context.Cancelled;
        var log = client.Log(name);
        var load = new GapLoad(log, 128, plan.Outstanding);
        var planned = new GapList("planned", "planned reconfiguration");
        var kills = new GapList("kill", "SIGKILL of the sequencer");
        try
        {
            await Task.Delay(plan.Settle, cancelled).ConfigureAwait(false);
            for (var i = 0; i < plan.Trials; i++)
            {
                load.Begin();
                await client.Admin.ReconfigExtendAsync(name, new ReconfigExtendOptions { Reason = "benchmark" }, cancelled).ConfigureAwait(false);
                await Task.Delay(s_afterPlanned, cancelled).ConfigureAwait(false);
                await load.GoesOnAsync(s_longestGap, cancelled).ConfigureAwait(false);
                Note(planned, "planned reconfiguration", load, journal);

                // Each begins new files, whose successors are made ready in the background: one right after the other would measure that.
                await Task.Delay(plan.Settle, cancelled).ConfigureAwait(false);
            }

            for (var i = 0; i < plan.Kills; i++)
            {
                var victim = (await client.Admin.ChainAsync(name, cancelled).ConfigureAwait(false)).Active.Loglet.SequencerNodes[0];
                load.Begin();
                await cluster[victim].KillAsync().ConfigureAwait(false);
                await Task.Delay(plan.Settle, cancelled).ConfigureAwait(false);
                await load.GoesOnAsync(s_longestGap, cancelled).ConfigureAwait(false);
                Note(kills, $"SIGKILL of node {victim}", load, journal);
                await cluster.RestartAsync(victim, cancelled).ConfigureAwait(false);
                await Task.Delay(plan.Settle, cancelled).ConfigureAwait(false);
            }
        }
        finally
        {
            await load.StopAsync().ConfigureAwait(false);
        }

        var tail = await context.WithinTimeoutAsync(log.CheckTailAsync).ConfigureAwait(false);
        if (load.FirstError is { } error) await context.Error.WriteLineAsync($"delosd: first error: {error}").ConfigureAwait(false);
        Print(context.Output, kills.Count > 0 ? [planned, kills] : [planned], load, tail);
        return load.Failed == 0 && tail == load.Acknowledged ? ExitCode.Ok : ExitCode.Failed;
    }

    private static void Note(GapList gaps, string what, GapLoad load, FileLog? journal)
    {
        var (gap, ended) = load.Longest;
        gaps.Add(gap);
        journal?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}: gap of {gap.TotalMilliseconds:F1} ms, ended {ended:HH:mm:ss.fff}"));
    }

    private static void Print(Output output, GapList[] events, GapLoad load, long tail)
    {
        if (output.IsJson)
        {
            output.JsonObject(json =>
            {
                foreach (var gaps in events) gaps.Write(json);
                json.WriteNumber("acknowledged", load.Acknowledged);
                json.WriteNumber("failed", load.Failed);
                json.WriteNumber("tail", tail);
            });
            return;
        }

        output.Table(["EVENT", "MEDIAN MS", "P99 MS", "MAX MS", "ALL"], [.. events.Select(static gaps => gaps.Row())]);
        output.Line($"{load.Acknowledged} appends acknowledged, {load.Failed} failed, tail {tail}");
    }

    private sealed record Plan(int Nodes, int Trials, int Kills, int Outstanding, TimeSpan Settle);
}
