using System.Globalization;
using Delos.Bench.Peers;
using Delos.Daemon.Dev;
using Delos.Protocol.Chains;

namespace Delos.Bench.Alone;

/// <summary>What readers that follow the tail cost the appenders.</summary>
internal sealed class ReadersMeasurement : IMeasurement
{
    private const int Readers = 32;
    private const int Size = 128;
    private static readonly int[] s_outstanding = [1, 16, 256];

    public string Name => "readers";

    public async Task<string> RunAsync(Workbench bench, CancellationToken cancellationToken)
    {
        await using var cluster = await bench.StartAsync(3, cancellationToken).ConfigureAwait(false);
        var text = $"| round | outstanding | without readers, appends per second | with {Readers} | lost | entries delivered per second |\n| --- | --- | --- | --- | --- | --- |\n";
        for (var round = 0; round < bench.Plan.Rounds; round++)
        {
            foreach (var outstanding in s_outstanding)
            {
                var without = await MeasureAsync(cluster, $"without-{round}-{outstanding}", outstanding, 0, bench.Plan, cancellationToken).ConfigureAwait(false);
                var with = await MeasureAsync(cluster, $"with-{round}-{outstanding}", outstanding, Readers, bench.Plan, cancellationToken).ConfigureAwait(false);
                var row = string.Create(CultureInfo.InvariantCulture, $"| {round + 1} | {outstanding} | {without:F0} | {with:F0} | {1 - with / without:P0} | {with * Readers:F0} |\n");
                await Console.Error.WriteAsync($"readers: {row}").ConfigureAwait(false);
                text += row;
            }
        }

        return text + "\nThe readers, their clients and the daemons share this machine's cores with the appender.\n";
    }

    private static async Task<double> MeasureAsync(DevCluster cluster, string log, int outstanding, int readers, AlonePlan plan, CancellationToken cancellationToken)
    {
        await using var appender = await DelosLogClient.ConnectAsync(cluster.Endpoints, log, LogPolicy.Default, cancellationToken).ConfigureAwait(false);
        await using var followers = await Followers.StartAsync(cluster.Endpoints, log, readers, null, cancellationToken).ConfigureAwait(false);
        return (await new ClosedLoop(appender, Size, outstanding).RunAsync(plan.WarmUp, plan.Duration, () => [], cancellationToken).ConfigureAwait(false)).PerSecond;
    }
}
