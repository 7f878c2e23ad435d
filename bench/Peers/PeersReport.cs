using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Delos.Daemon.Commands;

namespace Delos.Bench.Peers;

/// <summary>What a run found, as Markdown and plots.</summary>
internal sealed class PeersReport(PeersPlan plan)
{
    private readonly List<(IPeer Peer, string Version)> _peers = [];
    private readonly List<Cell> _writes = [];
    private readonly List<Cell> _reads = [];
    private readonly List<Cell> _scans = [];
    private readonly Dictionary<string, List<(double Written, double Delivered)>> _tails = [];
    private readonly Dictionary<string, List<double>> _gaps = [];
    private readonly List<(LatencyHistogram Sync, LatencyHistogram Trip)> _floors = [];

    public void Add(IPeer peer, string version) => _peers.Add((peer, version));

    public void OnWrites(IPeer peer, int size, int outstanding, LoopResult result) => CellOf(_writes, peer, size, outstanding).Results.Add(result);

    public void OnReads(IPeer peer, int outstanding, LoopResult result) => CellOf(_reads, peer, 0, outstanding).Results.Add(result);

    public void OnScans(IPeer peer, int outstanding, LoopResult result) => CellOf(_scans, peer, 0, outstanding).Results.Add(result);

    public void OnTail(IPeer peer, LoopResult writes, double deliveredPerSecond)
    {
        if (!_tails.TryGetValue(peer.Name, out var tails)) _tails[peer.Name] = tails = [];
        tails.Add((writes.PerSecond, deliveredPerSecond));
    }

    public void OnFloor(LatencyHistogram sync, LatencyHistogram trip) => _floors.Add((sync, trip));

    public void OnGap(IPeer peer, TimeSpan gap)
    {
        if (!_gaps.TryGetValue(peer.Name, out var gaps)) _gaps[peer.Name] = gaps = [];
        gaps.Add(gap.TotalMilliseconds);
    }

    public string Markdown()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:yyyy-MM-dd}, {Environment.ProcessorCount} cores, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}. Three servers of each system and the load generator share this machine. ");
        text.Append(CultureInfo.InvariantCulture, $"Closed loop on one connection, {plan.Duration.TotalSeconds} s after {plan.WarmUp.TotalSeconds} s of the same load, medians of {plan.Rounds} rounds in which the systems take turns.\n\n");
        text.Append("| system | version | one write is | an acknowledged write is |\n| --- | --- | --- | --- |\n");
        foreach (var (peer, version) in _peers) text.Append(CultureInfo.InvariantCulture, $"| {peer.Name} | {version} | {peer.Write} | {peer.Durability} |\n");
        AppendFloor(text);
        foreach (var size in plan.Sizes) AppendWrites(text, size);
        AppendReads(text, "Linearizable reads", "read", _reads, static p => p.Read);
        AppendReads(text, $"Scans of {PeersPlan.ScanRows} rows", "scan", _scans, static p => p.Scan);
        AppendTails(text);
        AppendGaps(text);
        return text.ToString();
    }

    public IEnumerable<(string Name, string Svg)> Plots()
    {
        foreach (var size in plan.Sizes)
        {
            yield return ($"throughput-{size}.svg", LinePlot.Draw($"{size} B writes per second", "outstanding", Lines(size, c => c.PerSecond)));
            yield return ($"p99-{size}.svg", LinePlot.Draw($"{size} B writes, p99 in microseconds", "outstanding", Lines(size, c => c.P99)));
        }
    }

    private static Cell CellOf(List<Cell> cells, IPeer peer, int size, int outstanding)
    {
        var cell = cells.Find(c => c.Peer == peer.Name && c.Size == size && c.Outstanding == outstanding);
        if (cell is null) cells.Add(cell = new Cell(peer.Name, size, outstanding, []));
        return cell;
    }

    private IEnumerable<(string Name, IReadOnlyList<(double X, double Y)> Points)> Lines(int size, Func<Cell, double> value) => _peers.Select(p =>
        (p.Peer.Name, (IReadOnlyList<(double X, double Y)>)[.. _writes.Where(c => c.Peer == p.Peer.Name && c.Size == size).OrderBy(c => c.Outstanding).Select(c => ((double)c.Outstanding, value(c)))]));

    private void AppendFloor(StringBuilder text)
    {
        if (_floors.Count == 0) return;
        text.Append("\nThe machine's floor, in the same run, one value for each round: 4 KiB written and synced (pwrite, fdatasync) in three files side by side, p50 / p99 ")
            .AppendJoin(", ", _floors.Select(static f => Floor(f.Sync))).Append(" us; 128 B to another thread over loopback TCP and back, p50 / p99 ")
            .AppendJoin(", ", _floors.Select(static f => Floor(f.Trip))).Append(" us. No write can be answered sooner than one of each takes: \"floor to p50\" is the sum of these medians to the system's own. \"Stolen\" is processor time that the machine's host gave to others.\n");

        static string Floor(LatencyHistogram times) => string.Create(CultureInfo.InvariantCulture, $"{times.Percentile(50)} / {times.Percentile(99)}");
    }

    private void AppendWrites(StringBuilder text, int size)
    {
        var own = _peers[0].Peer.Name;
        var floor = Cell.MedianOf(_floors.Select(static f => (double)(f.Sync.Percentile(50) + f.Trip.Percentile(50))));
        text.Append(CultureInfo.InvariantCulture, $"\n### Writes of {size} B\n\n| outstanding | system | per second | rounds apart | p50 us | p99 us | p99.9 us | floor to p50 | CPU s per 10,000 | errors | stolen by the host | {own} is faster by |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
        foreach (var outstanding in plan.Outstanding)
        {
            var ours = _writes.Find(c => c.Peer == own && c.Size == size && c.Outstanding == outstanding);
            foreach (var cell in _writes.Where(c => c.Size == size && c.Outstanding == outstanding))
            {
                var ratio = ours is null || cell == ours || cell.PerSecond == 0 ? "" : (ours.PerSecond / cell.PerSecond).ToString("F1", CultureInfo.InvariantCulture);
                text.Append(CultureInfo.InvariantCulture, $"| {outstanding} | {cell.Peer} | {cell.PerSecond:F0} | {cell.Noise:P0} | {cell.P50:F0} | {cell.P99:F0} | {cell.P999:F0} | {floor / cell.P50:P0} | {cell.ProcessorSeconds:F2} | {cell.Results.Sum(r => r.Errors)} | {cell.Stolen:P0} | {ratio} |\n");
            }
        }
    }

    private void AppendReads(StringBuilder text, string title, string noun, List<Cell> cells, Func<IPeer, string?> what)
    {
        if (cells.Count == 0) return;
        text.Append(CultureInfo.InvariantCulture, $"\n### {title}\n\n| outstanding | system | one {noun} is | per second | p50 us | p99 us |\n| --- | --- | --- | --- | --- | --- |\n");
        foreach (var cell in cells.OrderBy(c => c.Outstanding))
            text.Append(CultureInfo.InvariantCulture, $"| {cell.Outstanding} | {cell.Peer} | {what(_peers.First(p => p.Peer.Name == cell.Peer).Peer)} | {cell.PerSecond:F0} | {cell.P50:F0} | {cell.P99:F0} |\n");
    }

    private void AppendTails(StringBuilder text)
    {
        if (_tails.Count == 0) return;
        text.Append(CultureInfo.InvariantCulture, $"\n### A reader at the tail\n\nOne reader, while {PeersPlan.TailOutstanding} writes of {PeersPlan.TailSize} B are under way; one value for each round.\n\n| system | the reader is given what is written by | writes per second | delivered per second |\n| --- | --- | --- | --- |\n");
        foreach (var (peer, tails) in _tails)
            text.Append(CultureInfo.InvariantCulture, $"| {peer} | {_peers.First(p => p.Peer.Name == peer).Peer.Tail} | {Values(tails.Select(t => t.Written))} | {Values(tails.Select(t => t.Delivered))} |\n");
    }

    private static string Values(IEnumerable<double> values) => string.Join(", ", values.Select(v => v.ToString("F0", CultureInfo.InvariantCulture)));

    private void AppendGaps(StringBuilder text)
    {
        if (_gaps.Count == 0) return;
        text.Append(CultureInfo.InvariantCulture, $"\n### SIGKILL of the leader\n\nLongest time without an acknowledged write, with {PeersPlan.GapOutstanding} outstanding, fresh servers for each death.\n\n| system | ms |\n| --- | --- |\n");
        foreach (var (peer, gaps) in _gaps) text.Append(CultureInfo.InvariantCulture, $"| {peer} | {Values(gaps)} |\n");
    }
}
