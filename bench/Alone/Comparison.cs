using System.Globalization;
using System.Text;
using Delos.Bench.Peers;

namespace Delos.Bench.Alone;

/// <summary>One of those that are compared.</summary>
/// <param name="Name">As it is told.</param>
/// <param name="ConnectAsync">A client of its own for each measurement.</param>
/// <param name="Processes">The servers whose processor time counts.</param>
internal sealed record Contender(string Name, Func<CancellationToken, Task<IPeerClient>> ConnectAsync, Func<IReadOnlyList<int>> Processes);

/// <summary>The same closed loop for each contender in turns, so that what the machine does meanwhile meets them all alike.</summary>
internal sealed class Comparison(AlonePlan plan, int size, IReadOnlyList<int> outstanding, IReadOnlyList<Contender> contenders, string what = "appends")
{
    private readonly List<Cell> _cells = [];

    public Cell this[string contender, int atATime] => _cells.First(c => c.Peer == contender && c.Outstanding == atATime);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        for (var round = 0; round < plan.Rounds; round++)
        {
            foreach (var atATime in outstanding)
            {
                // Whoever is first in one round is last in the next.
                foreach (var contender in round % 2 == 0 ? contenders : contenders.Reverse()) await MeasureAsync(contender, atATime, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>A row for each, with its ratio to the first contender.</summary>
    public string Markdown()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"| outstanding | {size} B {what} | per second | to {contenders[0].Name} | rounds apart | p50 us | p99 us | p99.9 us | CPU s per 10,000, all daemons | the busiest | stolen by the host |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
        foreach (var atATime in outstanding)
        {
            var first = this[contenders[0].Name, atATime];
            foreach (var contender in contenders)
            {
                var cell = this[contender.Name, atATime];
                text.Append(CultureInfo.InvariantCulture, $"| {atATime} | {cell.Peer} | {cell.PerSecond:F0} | {cell.PerSecond / first.PerSecond:F3} | {cell.Noise:P0} | {cell.P50:F0} | {cell.P99:F0} | {cell.P999:F0} | {cell.ProcessorSeconds:F4} | {cell.BusiestProcessorSeconds:F4} | {cell.Stolen:P0} |\n");
            }
        }

        return text.ToString();
    }

    private async Task MeasureAsync(Contender contender, int atATime, CancellationToken cancellationToken)
    {
        await using var client = await contender.ConnectAsync(cancellationToken).ConfigureAwait(false);
        var result = await new ClosedLoop(client, size, atATime).RunAsync(plan.WarmUp, plan.Duration, contender.Processes, cancellationToken).ConfigureAwait(false);
        if (result.Errors > 0) throw new PeerException($"{contender.Name}: {result.Errors} of its calls failed.");
        var cell = _cells.Find(c => c.Peer == contender.Name && c.Outstanding == atATime);
        if (cell is null) _cells.Add(cell = new Cell(contender.Name, size, atATime, []));
        cell.Results.Add(result);
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{contender.Name}, {size} B x {atATime}: {result.PerSecond:F0}/s, p50 {result.P50} us, p99 {result.P99} us"));
    }
}
