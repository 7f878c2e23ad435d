using System.CommandLine;
using Delos.Client;
using Delos.Client.Tables;
using Delos.Daemon.Dev;
using Delos.Protocol.Tables;

namespace Delos.Daemon.Commands;

/// <summary><c>delosd bench table</c></summary>
internal static class BenchTableCommand
{
    public static Command Create()
    {
        var options = new BenchLoad.Options("a row's value", "100");
        var mix = new Option<string>("--mix") { Description = "put, get or scan; or reads per writes of hundred, like 90/10: so many gets, so many puts.", HelpName = "MIX", DefaultValueFactory = _ => "put" };
        var rows = new Option<int>("--rows") { Description = "Rows of the table; it is filled first.", HelpName = "N", DefaultValueFactory = _ => 10_000 };
        var scanRows = new Option<int>("--scan-rows") { Description = "Rows of one scan, from a random one on.", HelpName = "N", DefaultValueFactory = _ => 1_000 };
        var tableNodes = new Option<int?>("--table-nodes") { Description = "With --nodes: so many further daemons have the tables, and none of the first. Default: each node has them.", HelpName = "N" };
        var command = new Command("table",
            """
            Measures linearizable gets and scans and durable puts of a table in a closed loop. Fields: ops_s, p50_us, p99_us, p999_us, max_us, errors.

            The table is 'delos-bench'; it is made if it is not there.

            Examples:
              delosd bench table --nodes 3 --size 100 --outstanding 256 --seconds 8 -o json
              delosd bench table --nodes 3 --mix 90/10 --outstanding 64
              delosd bench table --nodes 3 --table-nodes 2 --mix get --outstanding 64
            """)
        { mix, rows, scanRows, tableNodes };
        options.AddTo(command);
        return command.WithCluster().Does(async context =>
        {
            var arguments = context.Arguments;
            var load = options.Read(arguments);
            if (load.Outstanding < load.Clients) throw new CommandException(ExitCode.Usage, "--outstanding is at least --clients");
            var plan = new Plan(load, Mix.Parse(arguments.GetValue(mix) ?? ""), BenchLoad.Options.Between("--rows", arguments.GetValue(rows), 1, 1_000_000_000), BenchLoad.Options.Between("--scan-rows", arguments.GetValue(scanRows), 1, TableLimits.RowsOfAnswer));
            if (arguments.GetValue(options.Nodes) is not { } count)
            {
                if (arguments.GetValue(tableNodes) is not null) throw new CommandException(ExitCode.Usage, "--table-nodes is for a throw-away cluster: give --nodes, too");
                return await MeasureAsync(context, () => context.Connect(), plan, 0).ConfigureAwait(false);
            }

            using var directory = new ScratchDirectory(arguments.GetValue(options.Data) ?? ".");
            var logNodes = BenchLoad.Options.Between("--nodes", count, 1, 48);
            var own = arguments.GetValue(tableNodes) is { } separate ? BenchLoad.Options.Between("--table-nodes", separate, 1, 16) : 0;
            var clusterOptions = new DevClusterOptions
            {
                Nodes = logNodes + own,
                Directory = directory.Path,
                Settings = arguments.GetValue(SharedOptions.Set) ?? [],
                NodeSettings = id => own == 0 ? ["roles.table=true"] : id > logNodes ? ["roles.table=true", "roles.sequencer=false", "roles.logserver=false"] : [],
            };
            await using var cluster = await DevCluster.StartAsync(clusterOptions, context.Cancelled).ConfigureAwait(false);
            return await MeasureAsync(context, () => DelosClient.Connect(cluster.Endpoints), plan, count).ConfigureAwait(false);
        });
    }

    private static async Task<int> MeasureAsync(CommandContext context, Func<DelosClient> connect, Plan plan, int nodes)
    {
        var connections = Enumerable.Range(0, plan.Load.Clients).Select(_ => connect()).ToArray();
        try
        {
            var clients = connections.Select(c => TableClient.Connect(c)).ToArray();
            var calls = clients.Select(c => new BenchTableCalls(c, plan.Load.Size, plan.Rows, plan.ScanRows)).ToArray();
            await context.WithinTimeoutAsync(calls[0].CreateAsync).ConfigureAwait(false);
            await calls[0].FillAsync(context.Cancelled).ConfigureAwait(false);
            var figures = await plan.Load.RunAsync(context, i => plan.Mix.Of(calls[i])).ConfigureAwait(false);
            figures.Print(context.Output, plan.Load, nodes, json =>
            {
                json.WriteString("mix", plan.Mix.Text);
                json.WriteNumber("rows", plan.Rows);
                json.WriteNumber("scan_rows", plan.ScanRows);
            });
            return figures.ExitCode;
        }
        finally
        {
            foreach (var connection in connections) await connection.DisposeAsync().ConfigureAwait(false);
        }
    }

    private sealed record Plan(BenchLoad Load, Mix Mix, int Rows, int ScanRows);

    /// <summary>What the calls are.</summary>
    /// <param name="Text">As it was given.</param>
    /// <param name="Gets">Of each hundred; the others are puts.</param>
    private sealed record Mix(string Text, int Gets)
    {
        public static Mix Parse(string text)
        {
            var parts = text.Split('/');
            if (text is "put" or "get" or "scan") return new Mix(text, text == "get" ? 100 : 0);
            if (parts.Length == 2 && int.TryParse(parts[0], out var gets) && int.TryParse(parts[1], out var puts) && gets >= 0 && puts >= 0 && gets + puts == 100) return new Mix(text, gets);
            throw new CommandException(ExitCode.Usage, $"--mix: '{text}' is not put, get, scan, or two numbers whose sum is 100, like 90/10");
        }

        public Func<ValueTask<int>> Of(BenchTableCalls calls) => Text == "scan" ? calls.ScanAsync : () => Random.Shared.Next(100) < Gets ? calls.GetAsync() : calls.PutAsync();
    }
}
