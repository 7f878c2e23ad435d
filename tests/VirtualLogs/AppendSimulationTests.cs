namespace Delos.Tests.VirtualLogs;

public class AppendSimulationTests
{
    [Test, Category("Trap17")]
    public void Every_append_is_in_the_log_at_most_once_and_at_the_position_returned()
    {
        var resolved = 0;
        for (var seed = 0; seed < 1500; seed++)
        {
            var simulation = new AppendSimulation(seed);
            simulation.Run(appends: 8, steps: 200, trims: false);
            Assert.That(simulation.Unknown, Is.Zero, $"Seed {seed}: nothing was trimmed, so every outcome can be told.");
            resolved += simulation.Resolved;
        }

        Assert.That(resolved, Is.GreaterThan(1000), "The simulation must exercise resolving.");
    }

    [Test, Category("Trap17")]
    public void Trims_make_outcomes_unknown_at_worst_never_double()
    {
        var unknown = 0;
        for (var seed = 0; seed < 1500; seed++)
        {
            var simulation = new AppendSimulation(seed);
            simulation.Run(appends: 8, steps: 200, trims: true);
            unknown += simulation.Unknown;
        }

        Assert.That(unknown, Is.GreaterThan(0), "The simulation must meet trimmed ranges.");
    }
}
