using System.Globalization;
using Delos.Bench.Peers;
using Delos.Daemon.Dev;
using Delos.Protocol.Chains;

namespace Delos.Bench.Alone;

/// <summary>What readers that follow the tail cost the appenders.</summary>
internal sealed class ReadersMeasurement : IMeasurement
{
    private const int Size = 128;
    private static readonly int[] s_outstanding = [1, 16, 256];

    // Nobody, as a reader of the client's documentation would do it, and as if each were a process.
    private static readonly (int Readers, int Clients)[] s_crowds = [(0, 0), (32, 1), (32, 32)];

    public string Name => "readers";

    public async Task<string> RunAsync(Workbench bench, CancellationToken cancellationToken)
    {
        await using var cluster = await bench.StartAsync(3, cancellationToken).ConfigureAwait(false);
        var text = "| round | outstanding | readers | clients among them | appends per second | lost | entries delivered per second | CPU s per 10,000 appends, all daemons | CPU s of the readers per 10,000 entries | cores that they take |\n"
            + "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
        for (var round = 0; round < bench.Plan.Rounds; round++)
        {
            foreach (var outstanding in s_outstanding)
            {
                var alone = 0.0;
                foreach (var (readers, clients) in s_crowds)
                {
                    var (appends, delivered, cores) = await MeasureAsync(cluster, $"log-{round}-{outstanding}-{readers}-{clients}", outstanding, readers, clients, bench.Plan, cancellationToken).ConfigureAwait(false);
                    if (readers == 0) alone = appends.PerSecond;
                    var cost = readers == 0 ? " - | - | " : string.Create(CultureInfo.InvariantCulture, $"{1 - appends.PerSecond / alone:P0} | {delivered:F0} | ");
                    var costs = readers == 0 ? "- | -" : string.Create(CultureInfo.InvariantCulture, $"{cores / delivered * 10_000:F4} | {cores:F2}");
                    var row = string.Create(CultureInfo.InvariantCulture, $"| {round + 1} | {outstanding} | {readers} | {clients} | {appends.PerSecond:F0} | {cost}{appends.ProcessorSeconds:F4} | {costs} |\n");
                    await Console.Error.WriteAsync($"readers: {row}").ConfigureAwait(false);
                    text += row;
                }
            }
        }

        return text + "\nThe readers are a process that shares this machine's cores with the daemons and the appender. Those of one client share a subscription at the tail; each client has connections of its own.\n";
    }

    /// <summary>And what the readers have had, and what processor time they took, in a second.</summary>
    private static async Task<(LoopResult Appends, double Delivered, double Cores)> MeasureAsync(DevCluster cluster, string log, int outstanding, int readers, int clients, AlonePlan plan, CancellationToken cancellationToken)
    {
        await using var appender = await DelosLogClient.ConnectAsync(cluster.Endpoints, log, LogPolicy.Default, cancellationToken).ConfigureAwait(false);
        await appender.WriteAsync(new byte[Size]).ConfigureAwait(false);
        await using var followers = readers == 0 ? null : await FollowersProcess.StartAsync(cluster.Endpoints, log, readers, clients, cancellationToken).ConfigureAwait(false);
        var appends = await new ClosedLoop(appender, Size, outstanding).RunAsync(plan.WarmUp, plan.Duration, Begin, cancellationToken).ConfigureAwait(false);
        if (followers is null) return (appends, 0, 0);
        followers.Mark();
        var begun = await followers.ReadMarkAsync(cancellationToken).ConfigureAwait(false);
        var ended = await followers.ReadMarkAsync(cancellationToken).ConfigureAwait(false);
        var elapsed = ended.Clock - begun.Clock;
        return (appends, (ended.Delivered - begun.Delivered) / elapsed, (ended.Processor - begun.Processor) / elapsed);

        // Called when the warm-up is over.
        IReadOnlyList<int> Begin()
        {
            followers?.Mark();
            return [.. cluster.Nodes.Select(n => n.ProcessId)];
        }
    }
}
