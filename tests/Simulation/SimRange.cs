using System.Diagnostics;
using System.Globalization;

namespace Delos.Tests.Simulation;

/// <summary>Runs of one plan, seed by seed.</summary>
internal static class SimRange
{
    private const int ToldInFull = 3;
    private const int MostViolations = 20;

    /// <summary>No seed may violate anything. <c>scripts/sim.sh</c> names other seeds, as FIRST..LAST, and another length.</summary>
    public static void Run(SimPlan plan, string seeds)
    {
        string[] range = TestContext.Parameters.Get("seeds", seeds).Split("..");
        var (first, last) = (int.Parse(range[0], CultureInfo.InvariantCulture), int.Parse(range[^1], CultureInfo.InvariantCulture));
        plan = plan with { Milliseconds = long.Parse(TestContext.Parameters.Get("steps", plan.Milliseconds.ToString(CultureInfo.InvariantCulture)), CultureInfo.InvariantCulture) };
        var watch = Stopwatch.StartNew();
        var cpu = Environment.CpuUsage.TotalTime;
        long operations = 0, events = 0, versions = 0, unknown = 0;
        var violations = 0;
        var slowest = (Seed: 0, After: 0L);
        var counts = new SortedDictionary<string, long>(StringComparer.Ordinal);
        for (var seed = first; seed <= last; seed++)
        {
            var simulation = new ClusterSimulation(seed, plan: plan);
            var violation = simulation.Run();
            operations += simulation.Checks.Operations;
            events += simulation.World.Events;
            versions += simulation.Checks.Versions;
            unknown += simulation.Checks.Unknown;
            if (simulation.ReturnedAfter > slowest.After) slowest = (seed, simulation.ReturnedAfter);
            foreach (var (what, times) in simulation.World.Counts) counts[what] = counts.GetValueOrDefault(what) + times;
            if ((seed - first + 1) % 500 == 0) TestContext.Progress.WriteLine($"seeds {first}..{seed}: {operations} operations, {watch.Elapsed.TotalSeconds:F0} s, {violations} violations");
            if (violation is null) continue;
            violations++;
            TestContext.Out.WriteLine(violations <= ToldInFull ? SimShrinker.Report(seed, SimMutant.None, plan) : violation);
            if (violations >= MostViolations) break;
        }

        TestContext.Out.WriteLine($"seeds {first}..{last}: {operations} operations, {events} events, {versions} chain versions, {unknown} outcomes unknown, {watch.Elapsed.TotalSeconds:F1} s, {(Environment.CpuUsage.TotalTime - cpu).TotalSeconds:F1} s of CPU, {operations / watch.Elapsed.TotalSeconds:F0} operations/s, {violations} violations");
        TestContext.Out.WriteLine($"slowest return after healing: {slowest.After / 1000} ms, seed {slowest.Seed}");
        TestContext.Out.WriteLine(string.Join(", ", counts.Select(c => $"{c.Key} {c.Value}")));
        Assert.That(violations, Is.Zero);
        Assert.That(operations, Is.GreaterThan(0));
    }

    /// <summary>One of the first seeds must find the mutant, and nothing without it.</summary>
    public static void Catches(SimMutant mutant, SimPlan plan, int seeds)
    {
        for (var seed = 1; seed <= seeds; seed++)
        {
            if (new ClusterSimulation(seed, mutant, plan).Run() is not { } violation) continue;

            Assert.That(violation, Does.Not.Contain("Exception"), "a mutant does wrong, it does not break");

            // Else the fault would lie in the simulator, or in the code, and not in the mutant.
            Assert.That(new ClusterSimulation(seed, plan: plan).Run(), Is.Null, "the same seed without the mutant");
            TestContext.Out.WriteLine($"{mutant}: caught by seed {seed}: {violation.Split('\n')[0]}");
            return;
        }

        Assert.Fail($"{mutant} was not caught");
    }
}
