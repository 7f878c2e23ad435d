using BenchmarkDotNet.Running;

namespace Delos.Bench;

/// <summary><c>gap [TRIALS] [keep]</c> measures write gaps on real processes; anything else goes to BenchmarkDotNet.</summary>
internal static class Program
{
    private static async Task Main(string[] args)
    {
        if (args is ["gap", .. var rest]) await GapBenchmark.RunAsync(rest is [var trials, ..] ? int.Parse(trials, System.Globalization.CultureInfo.InvariantCulture) : 10, keep: rest is [_, "keep"]);
        else BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
    }
}
