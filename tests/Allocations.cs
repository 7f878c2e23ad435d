using System.Diagnostics;

namespace Delos.Tests;

/// <summary>Counts what is allocated, by all threads. Other work of the process may be counted along, and pools are warm only when they have met the most that is ever in flight: so there are several rounds, and the best one counts.</summary>
internal static class Allocations
{
    private const int LeastRounds = 10;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    /// <summary>Bytes of one operation, in the best of several rounds after the first.</summary>
    /// <param name="operations">Of one round.</param>
    /// <param name="enough">Below this no further round is needed.</param>
    /// <param name="round">Does them.</param>
    public static async Task<double> LeastAsync(int operations, double enough, Func<Task> round)
    {
        await Task.Run(round);
        var least = double.MaxValue;
        var begun = Stopwatch.GetTimestamp();
        for (var i = 0; least >= enough && (i < LeastRounds || Stopwatch.GetElapsedTime(begun) < s_patience); i++)
        {
            // Off the test runner's synchronization context, which allocates for each continuation.
            var before = GC.GetTotalAllocatedBytes(precise: true);
            await Task.Run(round);
            least = Math.Min(least, (GC.GetTotalAllocatedBytes(precise: true) - before) / (double)operations);
        }

        return least;
    }
}
