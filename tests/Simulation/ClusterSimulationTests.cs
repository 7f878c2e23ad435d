using System.Diagnostics;

namespace Delos.Tests.Simulation;

/// <summary>Whole clusters, seed by seed; <c>scripts/sim.sh</c> runs longer ranges of the same.</summary>
public sealed class ClusterSimulationTests
{
    private const int Milliseconds = 500;

    [Test]
    public void A_procedure_that_does_not_let_time_pass_is_a_violation()
    {
        var world = new SimWorld(1);
        world.Spawn(async () =>
        {
            while (world.Violation is null) await world.Delay(0);
        });
        world.RunUntil(1_000);
        Assert.That(world.Violation, Does.Contain("Time stands still"));
    }

    [Test]
    public void Whole_clusters_keep_their_promises_under_faults()
    {
        var (first, last) = Range();
        var milliseconds = long.Parse(TestContext.Parameters.Get("steps", Milliseconds.ToString(System.Globalization.CultureInfo.InvariantCulture)), System.Globalization.CultureInfo.InvariantCulture);
        var watch = Stopwatch.StartNew();
        var cpu = Environment.CpuUsage.TotalTime;
        long operations = 0, events = 0, versions = 0, unknown = 0;
        var violations = 0;
        var slowest = (Seed: 0, After: 0L);
        var counts = new SortedDictionary<string, long>(StringComparer.Ordinal);
        for (var seed = first; seed <= last; seed++)
        {
            var simulation = new ClusterSimulation(seed, plan: new SimPlan { Milliseconds = milliseconds });
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
            TestContext.Out.WriteLine(violations <= 3 ? SimShrinker.Report(seed, SimMutant.None, milliseconds) : violation);
            if (violations >= 20) break;
        }

        TestContext.Out.WriteLine($"seeds {first}..{last}: {operations} operations, {events} events, {versions} chain versions, {unknown} outcomes unknown, {watch.Elapsed.TotalSeconds:F1} s, {(Environment.CpuUsage.TotalTime - cpu).TotalSeconds:F1} s of CPU, {operations / watch.Elapsed.TotalSeconds:F0} operations/s, {violations} violations");
        TestContext.Out.WriteLine($"slowest return after healing: {slowest.After / 1000} ms, seed {slowest.Seed}");
        TestContext.Out.WriteLine(string.Join(", ", counts.Select(c => $"{c.Key} {c.Value}")));
        Assert.That(violations, Is.Zero);
        Assert.That(operations, Is.GreaterThan(0));
    }

    [Test]
    public void A_seed_replays_exactly()
    {
        for (var seed = 1; seed <= 5; seed++)
        {
            var (one, two) = (new ClusterSimulation(seed), new ClusterSimulation(seed));
            one.Run();
            two.Run();
            Assert.That(two.World.Events, Is.EqualTo(one.World.Events));
            Assert.That(two.World.Transcript, Is.EqualTo(one.World.Transcript));
        }
    }

    [Test]
    public void A_failing_seed_is_shortened_and_told()
    {
        ClusterSimulation failing;
        var seed = 0;
        do failing = new ClusterSimulation(++seed, SimMutant.BlindRetry);
        while (failing.Faults.Count < 5 || failing.Run() is null);
        var report = SimShrinker.Report(seed, SimMutant.BlindRetry, 1_500);
        TestContext.Out.WriteLine(string.Join('\n', report.Split('\n').Take(8)));
        Assert.That(report, Does.Contain($"--seeds {seed}..{seed} --steps 1500").And.Contain("shortest that still fails").And.Contain("VIOLATION"));
        Assert.That(report.Split('\n').Count(l => l.StartsWith("  ", StringComparison.Ordinal) && l.Contains(" ms: ", StringComparison.Ordinal)), Is.LessThan(failing.Faults.Count));
    }

    [TestCase(nameof(SimMutant.SealOvertakes), Category = "Trap02")]
    [TestCase(nameof(SimMutant.SealedTailLeaks), Category = "Trap04")]
    [TestCase(nameof(SimMutant.RestartedSequencer), Category = "Trap07")]
    [TestCase(nameof(SimMutant.WipedDisk), Category = "Trap08")]
    [TestCase(nameof(SimMutant.AbsenceWithoutStop), Category = "Trap09")]
    [TestCase(nameof(SimMutant.NoRollForward), Category = "Trap12")]
    [TestCase(nameof(SimMutant.ReusedLoglet), Category = "Trap13")]
    [TestCase(nameof(SimMutant.SingleAcceptor), Category = "Trap16")]
    [TestCase(nameof(SimMutant.BlindRetry), Category = "Trap17")]
    [TestCase(nameof(SimMutant.UnboundedTrim), Category = "Trap18")]
    [TestCase(nameof(SimMutant.UnannouncedTail), Category = "Trap19")]
    [TestCase(nameof(SimMutant.StripeAcknowledgedEarly), Category = "Trap23")]
    [TestCase(nameof(SimMutant.OneStripeSealed), Category = "Trap23")]
    [TestCase(nameof(SimMutant.StripeTailsBeforeSeal), Category = "Trap23")]
    [TestCase(nameof(SimMutant.ResentToAnotherStripe), Category = "Trap23")]
    [TestCase(nameof(SimMutant.ReadBeyondStripedTail), Category = "Trap23")]
    [TestCase(nameof(SimMutant.NoFill), Category = "Trap23")]
    [TestCase(nameof(SimMutant.AcknowledgedUnsynced), Category = "Trap25")]
    [TestCase(nameof(SimMutant.CopyBeyondStop), Category = "Trap22")]
    [TestCase(nameof(SimMutant.TimedOutWriteLost), Category = "Trap15")]
    [TestCase(nameof(SimMutant.MiddleTakenForTorn), Category = "Trap26")]
    [TestCase(nameof(SimMutant.NoRefill))]
    public void A_mutant_is_caught(string name)
    {
        var mutant = Enum.Parse<SimMutant>(name);
        for (var seed = 1; seed <= 600; seed++)
        {
            if (new ClusterSimulation(seed, mutant).Run() is not { } violation) continue;

            Assert.That(violation, Does.Not.Contain("Exception"), "a mutant does wrong, it does not break");

            // Else the fault would lie in the simulator, or in the code, and not in the mutant.
            Assert.That(new ClusterSimulation(seed).Run(), Is.Null, "the same seed without the mutant");
            TestContext.Out.WriteLine($"{mutant}: caught by seed {seed}: {violation.Split('\n')[0]}");
            return;
        }

        Assert.Fail($"{mutant} was not caught");
    }

    /// <summary>SEEDS of scripts/sim.sh, as FIRST..LAST.</summary>
    private static (int First, int Last) Range()
    {
        var seeds = TestContext.Parameters.Get("seeds", "1..500").Split("..");
        return (int.Parse(seeds[0], System.Globalization.CultureInfo.InvariantCulture), int.Parse(seeds[^1], System.Globalization.CultureInfo.InvariantCulture));
    }
}
