using Delos.Bench.Peers;
using Delos.Daemon.Dev;

namespace Delos.Bench.Alone;

/// <summary>Nine linearizable gets of a table's row for each durable put: with tables on the nodes that have the log (converged), and on nodes of their own (disaggregated).</summary>
internal sealed class TableMixMeasurement : IMeasurement
{
    private const int LogNodes = 3;
    private const int TableNodes = 3;
    private const int Size = 100;
    private static readonly int[] s_outstanding = [1, 4, 16, 64, 256];

    public string Name => "table-mix";

    public async Task<string> RunAsync(Workbench bench, CancellationToken cancellationToken)
    {
        await using var converged = await bench.StartAsync(LogNodes, cancellationToken, static _ => ["roles.table=true"]).ConfigureAwait(false);
        await using var disaggregated = await bench.StartAsync(LogNodes + TableNodes, cancellationToken, static id => id > LogNodes ? ["roles.table=true", "roles.sequencer=false", "roles.logserver=false"] : []).ConfigureAwait(false);
        Contender[] contenders = [await ContenderAsync("converged", converged, cancellationToken).ConfigureAwait(false), await ContenderAsync("disaggregated", disaggregated, cancellationToken).ConfigureAwait(false)];
        var comparison = new Comparison(bench.Plan, Size, s_outstanding, contenders, "gets and puts, 9 to 1");
        await comparison.RunAsync(cancellationToken).ConfigureAwait(false);
        bench.Plots.Add(("table-mix.svg", LinePlot.Draw("p99 in microseconds, 9 gets to 1 put", "calls per second", contenders.Select(c => (c.Name, (IReadOnlyList<(double, double)>)[.. s_outstanding.Select(o => comparison[c.Name, o]).Select(static cell => (cell.PerSecond, cell.P99))])))));
        return $"{comparison.Markdown()}\nConverged: {LogNodes} daemons with log and tables; disaggregated: {LogNodes} with the log and {TableNodes} with tables. All share this machine's cores: what more daemons of their own would bring does not show.\n\n![table-mix](benchmarks/table-mix.svg)\n";
    }

    private static async Task<Contender> ContenderAsync(string name, DevCluster cluster, CancellationToken cancellationToken)
    {
        await using (var client = new DelosTableClient(cluster.Endpoints))
        {
            await client.CreateTableAsync(cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < DelosTableClient.Keys; i++) await client.WriteAsync(new byte[Size]).ConfigureAwait(false);
        }

        return new Contender(name, _ => Task.FromResult<IPeerClient>(new MixedClient(new DelosTableClient(cluster.Endpoints))), () => [.. cluster.Nodes.Where(n => n.IsRunning).Select(n => n.ProcessId)]);
    }

    /// <summary>Each tenth call is a write.</summary>
    private sealed class MixedClient(DelosTableClient client) : IPeerClient
    {
        private int _calls;

        public ValueTask<long> WriteAsync(ReadOnlyMemory<byte> payload) => (uint)Interlocked.Increment(ref _calls) % 10 == 0 ? client.WriteAsync(payload) : client.ReadAsync();

        public ValueTask<long> ReadAsync() => client.ReadAsync();

        public bool IsFailure(Exception exception) => client.IsFailure(exception);

        public ValueTask DisposeAsync() => client.DisposeAsync();
    }
}
