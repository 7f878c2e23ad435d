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
    public void Whole_clusters_keep_their_promises_under_faults() => SimRange.Run(new SimPlan { Milliseconds = Milliseconds }, "1..500");

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
        var report = SimShrinker.Report(seed, SimMutant.BlindRetry, new SimPlan());
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
    public void A_mutant_is_caught(string name) => SimRange.Catches(Enum.Parse<SimMutant>(name), new SimPlan(), 600);
}
