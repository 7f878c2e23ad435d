using System.Globalization;
using Delos.Bench.Peers;
using Delos.Client;
using Delos.Daemon.Dev;
using Delos.Protocol.Chains;

namespace Delos.Bench.Alone;

/// <summary>What the VirtualLog adds to the NativeLoglet below it (the paper's §5.1).</summary>
internal sealed class LayersMeasurement : IMeasurement
{
    private const string Log = "layers";
    private static readonly int[] s_outstanding = [1, 64, 256, 4096];

    public string Name => "layers";

    public async Task<string> RunAsync(Workbench bench, CancellationToken cancellationToken)
    {
        await using var cluster = await bench.StartAsync(3, cancellationToken).ConfigureAwait(false);
        Contender[] contenders =
        [
            new("NativeLoglet", async token => await BareAsync(cluster, token).ConfigureAwait(false), Processes),
            new("VirtualLog", async token => await DelosLogClient.ConnectAsync(cluster.Endpoints, Log, LogPolicy.Default, token).ConfigureAwait(false), Processes),
        ];
        var comparison = new Comparison(bench.Plan, 128, s_outstanding, contenders);
        await comparison.RunAsync(cancellationToken).ConfigureAwait(false);
        var added = comparison["VirtualLog", 64].P99 - comparison["NativeLoglet", 64].P99;
        var peak = s_outstanding.Max(k => comparison["VirtualLog", k].PerSecond) / s_outstanding.Max(k => comparison["NativeLoglet", k].PerSecond);
        return comparison.Markdown() + string.Create(CultureInfo.InvariantCulture, $"\nThe VirtualLog adds {added:F0} us to the p99 with 64 outstanding; its highest throughput is {peak:P1} of the Loglet's.\n");

        IReadOnlyList<int> Processes() => [.. cluster.Nodes.Select(n => n.ProcessId)];
    }

    /// <summary>The Loglet that is active in the log's chain, which nobody replaces meanwhile.</summary>
    private static async Task<IPeerClient> BareAsync(DevCluster cluster, CancellationToken cancellationToken)
    {
        await using var client = DelosClient.Connect(cluster.Endpoints);
        await client.Log(Log).AppendAsync("first"u8.ToArray(), cancellationToken).ConfigureAwait(false);
        var loglet = (await client.Admin.ChainAsync(Log, cancellationToken).ConfigureAwait(false)).Active.Loglet;
        var parts = ClientParts.OverSockets(Endpoints.Parse(cluster.Endpoints), DelosClientOptions.Default);
        return new LogletClient(parts.Loglets.Open(loglet), parts);
    }
}
