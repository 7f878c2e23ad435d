using System.CommandLine;
using Delos.Client;
using Delos.Client.Admin;
using Delos.Daemon.Configuration;
using Delos.Daemon.Dev;
using Delos.Protocol.Chains;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd bench append</c></summary>
internal static class BenchAppendCommand
{
    private static readonly ConfigKey AnySize = new("", "", ConfigKind.Size, "", "");

    public static Command Create()
    {
        var nodes = new Option<int?>("--nodes") { Description = "Measure against an own throw-away cluster of so many daemons on this machine's disk, instead of --endpoints.", HelpName = "N" };
        var size = new Option<string>("--size", "-s") { Description = "Bytes of an entry.", HelpName = "SIZE", DefaultValueFactory = _ => "128" };
        var outstanding = new Option<int>("--outstanding", "-k") { Description = "Appends under way at a time, over all clients.", HelpName = "K", DefaultValueFactory = _ => 256 };
        var seconds = new Option<double>("--seconds", "-t") { Description = "How long to measure.", HelpName = "T", DefaultValueFactory = _ => 10 };
        var warmUp = new Option<double>("--warm-up") { Description = "Seconds of load before that.", HelpName = "T", DefaultValueFactory = _ => 2 };
        var clients = new Option<int>("--clients") { Description = "Connections of their own, within this process.", HelpName = "C", DefaultValueFactory = _ => 1 };
        var batch = new Option<int>("--batch") { Description = "Appends made by one call of the client; each gets a position of its own.", HelpName = "B", DefaultValueFactory = _ => 1 };
        var data = new Option<string?>("--data") { Description = "Where the throw-away cluster is put; must not be tmpfs. Default: the current directory.", HelpName = "DIR" };
        var command = new Command("append",
            """
            Measures durable appends in a closed loop. Fields: ops_s, p50_us, p99_us, p999_us, max_us, errors.

            Examples:
              delosd bench append --nodes 3 --size 128 --outstanding 256 --seconds 10 -o json
              delosd bench append --nodes 3 --loglet striped --stripes 3 --clients 2 --outstanding 16384 --batch 64
              delosd bench append --endpoints delos://10.0.0.1:7400 --size 1KiB --outstanding 1 --seconds 5
            """)
        { nodes, size, outstanding, seconds, warmUp, clients, batch, data, SharedOptions.Set };
        var wanted = PolicyOptions.AddTo(command);
        return command.WithLog().Does(async context =>
        {
            var arguments = context.Arguments;
            var plan = new Plan(
                ConfigValues.Parse(AnySize, arguments.GetValue(size) ?? "", out _) as long? is { } bytes and >= 0 and <= 4 << 20 ? (int)bytes : throw new CommandException(ExitCode.Usage, "--size is a size like 128 or 1KiB, 4MiB at most"),
                Between("--outstanding", arguments.GetValue(outstanding), 1, 1 << 20),
                arguments.GetValue(seconds) is > 0 and <= 86_400 and var s ? TimeSpan.FromSeconds(s) : throw new CommandException(ExitCode.Usage, "--seconds is above 0"),
                arguments.GetValue(warmUp) is >= 0 and <= 3600 and var w ? TimeSpan.FromSeconds(w) : throw new CommandException(ExitCode.Usage, "--warm-up is 0 or more"),
                Between("--clients", arguments.GetValue(clients), 1, 1024),
                Between("--batch", arguments.GetValue(batch), 1, 1 << 16));
            if (plan.Outstanding < plan.Clients * plan.Batch) throw new CommandException(ExitCode.Usage, "--outstanding is at least --clients times --batch");
            var log = arguments.GetValue(SharedOptions.Log) ?? "default";
            if (arguments.GetValue(nodes) is not { } count)
            {
                var existing = Enumerable.Range(0, plan.Clients).Select(_ => context.Connect()).ToArray();
                return await MeasureAsync(context, existing, log, plan, present => wanted.Read(arguments, present), 0).ConfigureAwait(false);
            }

            using var directory = new ScratchDirectory(arguments.GetValue(data) ?? ".");
            var options = new DevClusterOptions { Nodes = Between("--nodes", count, 1, 64), Directory = directory.Path, Settings = arguments.GetValue(SharedOptions.Set) ?? [] };
            await using var cluster = await DevCluster.StartAsync(options, context.Cancelled).ConfigureAwait(false);
            var own = Enumerable.Range(0, plan.Clients).Select(_ => DelosClient.Connect(cluster.Endpoints)).ToArray();
            return await MeasureAsync(context, own, log, plan, present => wanted.Read(arguments, present), count).ConfigureAwait(false);
        });
    }

    private static int Between(string option, int value, int minimum, int maximum) =>
        value >= minimum && value <= maximum ? value : throw new CommandException(ExitCode.Usage, $"{option} is {minimum} to {maximum}");

    private static async Task<int> MeasureAsync(CommandContext context, DelosClient[] clients, string log, Plan plan, Func<LogPolicy, LogPolicy> wanted, int nodes)
    {
        try
        {
            var logs = clients.Select(c => c.Log(log, new LogOptions { Policy = wanted(LogPolicy.Default) })).ToArray();
            foreach (var handle in logs) await context.WithinTimeoutAsync(token => handle.AppendAsync(new byte[plan.Size], token)).ConfigureAwait(false);
            var policy = await ReconfigureAsync(context, clients[0], log, wanted).ConfigureAwait(false);
            var loads = new AppendLoad[plan.Clients];
            for (var i = 0; i < loads.Length; i++) loads[i] = new AppendLoad(logs[i], plan.Size, plan.Outstanding / plan.Clients + (i < plan.Outstanding % plan.Clients ? 1 : 0), plan.Batch);
            await Task.WhenAll(loads.Select(l => l.RunAsync(plan.WarmUp, plan.Duration, context.Cancelled))).ConfigureAwait(false);
            var latency = new LatencyHistogram();
            foreach (var load in loads) latency.Add(load.Microseconds);
            var elapsed = loads.Max(l => l.Measured.TotalSeconds);
            var errors = loads.Sum(l => l.Errors);
            if (loads.FirstOrDefault(l => l.FirstError is not null)?.FirstError is { } first) await context.Error.WriteLineAsync($"delosd: first error: {first}").ConfigureAwait(false);
            Print(context.Output, plan, policy, nodes, latency, (long)(loads.Sum(l => l.Appends) / elapsed), elapsed, errors);
            foreach (var load in loads) load.Dispose();
            return errors == 0 && latency.Count > 0 ? ExitCode.Ok : ExitCode.Failed;
        }
        finally
        {
            foreach (var client in clients) await client.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>A log that was there before may have another policy than the command line asks for.</summary>
    private static async Task<LogPolicy> ReconfigureAsync(CommandContext context, DelosClient client, string log, Func<LogPolicy, LogPolicy> wanted)
    {
        var chain = await context.WithinTimeoutAsync(token => client.Admin.ChainAsync(log, token)).ConfigureAwait(false);
        var policy = wanted(chain.Policy);
        if (policy == chain.Policy) return policy;
        await context.WithinTimeoutAsync(token => client.Admin.ReconfigExtendAsync(log, new ReconfigExtendOptions { Policy = policy, Reason = "bench append" }, token)).ConfigureAwait(false);
        return policy;
    }

    private static void Print(Output output, Plan plan, LogPolicy policy, int nodes, LatencyHistogram latency, long rate, double elapsed, long errors)
    {
        if (output.IsJson)
        {
            output.JsonObject(json =>
            {
                json.WriteNumber("ops_s", rate);
                json.WriteNumber("p50_us", latency.Percentile(50));
                json.WriteNumber("p99_us", latency.Percentile(99));
                json.WriteNumber("p999_us", latency.Percentile(99.9));
                json.WriteNumber("max_us", latency.Maximum);
                json.WriteNumber("errors", errors);
                json.WriteNumber("nodes", nodes);
                json.WriteString("loglet", policy.Kind.ToString().ToLowerInvariant());
                json.WriteNumber("stripes", policy.Stripes);
                json.WriteBoolean("sharded", policy.Sharded);
                json.WriteNumber("replication", policy.Replication);
                json.WriteNumber("size", plan.Size);
                json.WriteNumber("outstanding", plan.Outstanding);
                json.WriteNumber("clients", plan.Clients);
                json.WriteNumber("batch", plan.Batch);
                json.WriteNumber("seconds", Math.Round(elapsed, 3));
                json.WriteNumber("bytes_s", rate * plan.Size);
            });
            return;
        }

        output.Table(["OPS/S", "P50 US", "P99 US", "P99.9 US", "MAX US", "ERRORS", "MB/S"],
        [
            [ChainPrinter.Text(rate), ChainPrinter.Text(latency.Percentile(50)), ChainPrinter.Text(latency.Percentile(99)), ChainPrinter.Text(latency.Percentile(99.9)),
                ChainPrinter.Text(latency.Maximum), ChainPrinter.Text(errors), ChainPrinter.Text(rate * plan.Size / 1_000_000)],
        ]);
    }

    private sealed record Plan(int Size, int Outstanding, TimeSpan Duration, TimeSpan WarmUp, int Clients, int Batch);
}
