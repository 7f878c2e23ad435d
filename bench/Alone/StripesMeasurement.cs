using System.Globalization;
using Delos.Bench.Peers;
using Delos.Daemon.Dev;
using Delos.Protocol.Chains;

namespace Delos.Bench.Alone;

/// <summary>What stripes cost where they cannot help, and what a doubled failure threshold costs the daemon that is the bottleneck (DESIGN §3, StripedLoglet; the paper's §4.2).</summary>
internal sealed class StripesMeasurement : IMeasurement
{
    public string Name => "stripes";

    public async Task<string> RunAsync(Workbench bench, CancellationToken cancellationToken)
    {
        await using var three = await bench.StartAsync(3, cancellationToken).ConfigureAwait(false);
        var alone = new Comparison(bench.Plan, 128, [1], [Of(three, "native", LogPolicy.Default), Of(three, "3 stripes", LogPolicy.Striped(3, 3))]);
        await alone.RunAsync(cancellationToken).ConfigureAwait(false);
        await using var five = await bench.StartAsync(5, cancellationToken).ConfigureAwait(false);
        var (one, rotating) = (Of(three, "3 LogServers, 1 sequencer", LogPolicy.Default), Of(five, "5 LogServers, 5 sequencers", LogPolicy.Striped(5, 5)));
        int[] outstanding = [256, 4096, 32768];
        var threshold = new Comparison(bench.Plan, 128, outstanding, [one, Of(five, "5 LogServers, 1 sequencer", LogPolicy.Native(5)), rotating]);
        await threshold.RunAsync(cancellationToken).ConfigureAwait(false);
        var text = $"One client, one append at a time:\n\n{alone.Markdown()}\nTwice the failure threshold. All daemons share this machine, so the processor time of the busiest one is the measure; its inverse is what one core of its own would carry:\n\n{threshold.Markdown()}\n";
        foreach (var k in outstanding)
        {
            text += string.Create(CultureInfo.InvariantCulture,
                $"With {k} outstanding: one core for the busiest daemon would carry {10_000 / threshold[one.Name, k].BusiestProcessorSeconds:F0} appends/s with {one.Name}, {10_000 / threshold[rotating.Name, k].BusiestProcessorSeconds:F0} with {rotating.Name}.\n");
        }

        return text;
    }

    private static Contender Of(DevCluster cluster, string name, LogPolicy policy) => new(
        name,
        async token => await DelosLogClient.ConnectAsync(cluster.Endpoints, $"{policy.Kind}-{policy.Stripes}-{policy.Replication}", policy, token).ConfigureAwait(false),
        () => [.. cluster.Nodes.Select(n => n.ProcessId)]);
}
