using BenchmarkDotNet.Running;

namespace Delos.Bench;

/// <summary><c>gap [TRIALS]</c> measures write gaps on real processes; anything else goes to BenchmarkDotNet.</summary>
internal static class Program
{
    private static async Task Main(string[] args)
    {
        if (args is ["gap", ..]) await GapBenchmark.RunAsync(args.Length > 1 ? int.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture) : 10);
        else BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
    }
}
