using System.Diagnostics;
using System.Globalization;
using Delos.Bench.Peers;
using Delos.Client;
using Delos.Daemon.Commands;
using Delos.Daemon.Dev;
using Delos.Protocol.Chains;

namespace Delos.Bench.Alone;

/// <summary>How long after an append was acknowledged a reader that follows the tail has the entry, at half of the load that the log carries.</summary>
internal sealed class FollowMeasurement : IMeasurement
{
    private const int Size = 128;
    private const int Outstanding = 256;

    public string Name => "follow";

    public async Task<string> RunAsync(Workbench bench, CancellationToken cancellationToken)
    {
        await using var cluster = await bench.StartAsync(3, cancellationToken).ConfigureAwait(false);
        var text = "| round | full load, with that reader, per second | half load | p50 us | p99 us | p99.9 us | entries |\n| --- | --- | --- | --- | --- | --- | --- |\n";
        for (var round = 0; round < bench.Plan.Rounds; round++)
        {
            var log = $"follow-{round}";
            var full = await FullLoadAsync(cluster, $"{log}-full", bench.Plan, cancellationToken).ConfigureAwait(false);
            var microseconds = await DeliveryAsync(cluster, log, full / 2, bench.Plan, cancellationToken).ConfigureAwait(false);
            var row = string.Create(CultureInfo.InvariantCulture, $"| {round + 1} | {full:F0} | {full / 2:F0} | {microseconds.Percentile(50)} | {microseconds.Percentile(99)} | {microseconds.Percentile(99.9)} | {microseconds.Count} |\n");
            await Console.Error.WriteAsync($"follow: {row}").ConfigureAwait(false);
            text += row;
        }

        return text + "\nFrom the acknowledgement, as its appender has it, to the entry in the reader's hands, on a connection of its own; 0 where the reader has it first.\n";
    }

    private static async Task<double> FullLoadAsync(DevCluster cluster, string log, AlonePlan plan, CancellationToken cancellationToken)
    {
        await using var appender = await DelosLogClient.ConnectAsync(cluster.Endpoints, log, LogPolicy.Default, cancellationToken).ConfigureAwait(false);
        await using var followers = await Followers.StartAsync(cluster.Endpoints, log, 1, 1, null, cancellationToken).ConfigureAwait(false);
        return (await new ClosedLoop(appender, Size, Outstanding).RunAsync(plan.WarmUp, plan.Duration, () => [], cancellationToken).ConfigureAwait(false)).PerSecond;
    }

    private static async Task<LatencyHistogram> DeliveryAsync(DevCluster cluster, string log, double perSecond, AlonePlan plan, CancellationToken cancellationToken)
    {
        var total = plan.WarmUp + plan.Duration;
        var capacity = (int)(perSecond * total.TotalSeconds) + 1;
        var (acknowledged, delivered) = (new long[capacity], new long[capacity]);
        await using var client = DelosClient.Connect(cluster.Endpoints);
        await using var followers = await Followers.StartAsync(cluster.Endpoints, log, 1, 1, delivered, cancellationToken).ConfigureAwait(false);
        await new PacedLoad(client.Log(log), Size, perSecond, acknowledged).RunAsync(total, cancellationToken).ConfigureAwait(false);
        var last = Array.FindLastIndex(acknowledged, static t => t != 0);
        await followers.ReachAsync(last, cancellationToken).ConfigureAwait(false);
        var microseconds = new LatencyHistogram();
        var warm = acknowledged.First(static t => t != 0) + (long)(plan.WarmUp.TotalSeconds * Stopwatch.Frequency);
        for (var i = 0; i <= last; i++)
        {
            if (acknowledged[i] >= warm) microseconds.Record((delivered[i] - acknowledged[i]) / (Stopwatch.Frequency / 1_000_000));
        }

        return microseconds;
    }
}
