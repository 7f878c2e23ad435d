using System.CommandLine;
using Delos.Client;
using Delos.Client.Admin;
using Delos.Daemon.Dev;
using Delos.Protocol.Chains;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd bench append</c></summary>
internal static class BenchAppendCommand
{
    public static Command Create()
    {
        var options = new BenchLoad.Options("an entry", "128");
        var batch = new Option<int>("--batch") { Description = "Appends made by one call of the client; each gets a position of its own.", HelpName = "B", DefaultValueFactory = _ => 1 };
        var inline = new Option<bool>("--inline") { Description = "Each append is followed by the next on the client's receive loop (InlineContinuations), not in the thread pool." };
        var command = new Command("append",
            """
            Measures durable appends in a closed loop. Fields: ops_s, p50_us, p99_us, p999_us, max_us, errors.

            Examples:
              delosd bench append --nodes 3 --size 128 --outstanding 256 --seconds 10 -o json
              delosd bench append --nodes 3 --outstanding 256 --inline
              delosd bench append --nodes 3 --loglet striped --stripes 3 --clients 2 --outstanding 16384 --batch 64
              delosd bench append --endpoints delos://10.0.0.1:7400 --size 1KiB --outstanding 1 --seconds 5
            """)
        { batch, inline };
        options.AddTo(command);
        var wanted = PolicyOptions.AddTo(command);
        return command.WithLog().Does(async context =>
        {
            var arguments = context.Arguments;
            var load = options.Read(arguments);
            var each = BenchLoad.Options.Between("--batch", arguments.GetValue(batch), 1, 1 << 16);
            if (load.Outstanding < load.Clients * each) throw new CommandException(ExitCode.Usage, "--outstanding is at least --clients times --batch");
            var log = arguments.GetValue(SharedOptions.Log) ?? "default";
            var clientOptions = DelosClientOptions.Default with { InlineContinuations = arguments.GetValue(inline) };
            if (arguments.GetValue(options.Nodes) is not { } count)
            {
                var existing = Enumerable.Range(0, load.Clients).Select(_ => context.Connect(clientOptions)).ToArray();
                return await MeasureAsync(context, existing, log, load, each, present => wanted.Read(arguments, present), 0).ConfigureAwait(false);
            }

            using var directory = new ScratchDirectory(arguments.GetValue(options.Data) ?? ".");
            var clusterOptions = new DevClusterOptions { Nodes = BenchLoad.Options.Between("--nodes", count, 1, 64), Directory = directory.Path, Settings = arguments.GetValue(SharedOptions.Set) ?? [] };
            await using var cluster = await DevCluster.StartAsync(clusterOptions, context.Cancelled).ConfigureAwait(false);
            var own = Enumerable.Range(0, load.Clients).Select(_ => DelosClient.Connect(cluster.Endpoints, clientOptions)).ToArray();
            return await MeasureAsync(context, own, log, load, each, present => wanted.Read(arguments, present), count).ConfigureAwait(false);
        });
    }

    private static async Task<int> MeasureAsync(CommandContext context, DelosClient[] clients, string log, BenchLoad load, int batch, Func<LogPolicy, LogPolicy> wanted, int nodes)
    {
        try
        {
            var logs = clients.Select(c => c.Log(log, new LogOptions { Policy = wanted(LogPolicy.Default) })).ToArray();
            var payload = CreatePayload(load.Size);
            foreach (var handle in logs) await context.WithinTimeoutAsync(token => handle.AppendAsync(payload, token)).ConfigureAwait(false);
            var policy = await ReconfigureAsync(context, clients[0], log, wanted).ConfigureAwait(false);
            ReadOnlyMemory<byte>[] payloads = [.. Enumerable.Repeat((ReadOnlyMemory<byte>)payload, batch)];

            // Single appends allocate nothing.
            var figures = batch == 1
                ? await load.RunAsync<long>(context, i => () => logs[i].AppendAsync(payload)).ConfigureAwait(false)
                : await load.RunAsync<long[]>(context, i => () => logs[i].AppendBatchAsync(payloads), batch).ConfigureAwait(false);
            figures.Print(context.Output, load, nodes, json =>
            {
                json.WriteString("loglet", policy.Kind.ToString().ToLowerInvariant());
                json.WriteNumber("stripes", policy.Stripes);
                json.WriteBoolean("sharded", policy.Sharded);
                json.WriteNumber("replication", policy.Replication);
                json.WriteNumber("batch", batch);
            });
            return figures.ExitCode;
        }
        finally
        {
            foreach (var client in clients) await client.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Not compressible, in case something on the way should try.</summary>
    private static byte[] CreatePayload(int size)
    {
        var payload = new byte[size];
        new Random(1).NextBytes(payload);
        return payload;
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
}
