using System.Globalization;
using Delos.Bench.Peers;
using Delos.Client;
using Delos.Protocol.Chains;

namespace Delos.Bench.Alone;

/// <summary>How much memory the daemons take at full rate, one replica down all the while, and whether the latency has a cliff when more is under way than their windows hold.</summary>
internal sealed class MemoryMeasurement : IMeasurement
{
    private const string Log = "memory";
    private const int Size = 1024;
    private const int Outstanding = 4096;
    private const int Parts = 10;

    public string Name => "memory";

    public async Task<string> RunAsync(Workbench bench, CancellationToken cancellationToken)
    {
        await using var cluster = await bench.StartAsync(3, cancellationToken).ConfigureAwait(false);
        await using var client = await DelosLogClient.ConnectAsync(cluster.Endpoints, Log, LogPolicy.Default, cancellationToken).ConfigureAwait(false);
        await client.Log.AppendAsync("first"u8.ToArray(), cancellationToken).ConfigureAwait(false);
        await using var admin = DelosClient.Connect(cluster.Endpoints);
        var sequencer = (await admin.Admin.ChainAsync(Log, cancellationToken).ConfigureAwait(false)).Active.Loglet.SequencerNode;
        await cluster[sequencer % 3 + 1].KillAsync().ConfigureAwait(false);
        var text = $"{Size} B x {Outstanding}, one LogServer dead from before the first row on; what is older than a minute is trimmed.\n\n| minutes | per second | p50 us | p99 us | p99.9 us | resident MB, sequencer's daemon | the other |\n| --- | --- | --- | --- | --- | --- | --- |\n";
        for (var part = 1; part <= Parts; part++)
        {
            var peaks = new Dictionary<uint, long>();
            using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var watch = WatchAsync(() => cluster.Nodes.Where(n => n.IsRunning).Select(n => (n.NodeId, n.ProcessId)), peaks, over.Token);
            var result = await new ClosedLoop(client, Size, Outstanding).RunAsync(part == 1 ? bench.Plan.WarmUp : TimeSpan.Zero, bench.Plan.Memory / Parts, () => [], cancellationToken).ConfigureAwait(false);
            var tail = await client.Log.CheckTailAsync(cancellationToken).ConfigureAwait(false);
            await over.CancelAsync().ConfigureAwait(false);
            await watch.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await client.Log.TrimAsync(tail, cancellationToken).ConfigureAwait(false);
            var row = string.Create(CultureInfo.InvariantCulture,
                $"| {bench.Plan.Memory.TotalMinutes / Parts * part:F1} | {result.PerSecond:F0} | {result.P50} | {result.P99} | {result.P999} | {peaks[sequencer] >> 20} | {peaks.First(p => p.Key != sequencer).Value >> 20} |\n");
            await Console.Error.WriteAsync($"memory: {row}").ConfigureAwait(false);
            text += row;
        }

        return text + "\nResident: the highest of four samples a second, with what the file cache maps, and the runtime's own some 60 MB.\n";
    }

    private static async Task WatchAsync(Func<IEnumerable<(uint Node, int Process)>> processes, Dictionary<uint, long> peaks, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(250));
        do
        {
            foreach (var (node, process) in processes()) peaks[node] = Math.Max(peaks.GetValueOrDefault(node), Resident(process));
        }
        while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false));
    }

    private static long Resident(int process) =>
        long.Parse(File.ReadAllText($"/proc/{process}/statm").Split(' ')[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize;
}
