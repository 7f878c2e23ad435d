namespace Delos.Tests.MetaStore;

/// <summary>The MetaStore's safety under random loss, duplication, reordering, crashes and abandoned operations (DESIGN §3; model: metastore.pml).</summary>
[Category("Trap15")]
[Category("Trap16")]
public sealed class PaxosSimulationTests
{
    [Test]
    public void Every_version_has_one_value_and_reads_never_go_backwards([Range(0, 9)] int block)
    {
        var wins = 0;
        for (var seed = block * 50; seed < (block + 1) * 50; seed++) wins += RunSeed(seed, nodes: 3, spares: 0);
        Assert.That(wins, Is.GreaterThan(50), "the simulation got nothing done, so it proves nothing");
    }

    [Test]
    public void Five_acceptors_behave_alike([Range(0, 3)] int block)
    {
        for (var seed = block * 30; seed < (block + 1) * 30; seed++) RunSeed(seed, nodes: 5, spares: 0);
    }

    [Test]
    public void Acceptors_change_with_the_value_that_names_them([Range(0, 5)] int block)
    {
        var wins = 0;
        for (var seed = block * 50; seed < (block + 1) * 50; seed++) wins += RunSeed(seed, nodes: 3, spares: 3);
        Assert.That(wins, Is.GreaterThan(50), "the simulation got nothing done, so it proves nothing");
    }

    private static int RunSeed(int seed, int nodes, int spares)
    {
        try
        {
            var simulation = new PaxosSimulation(seed, nodes, spares);
            simulation.Run(3000);
            simulation.Settle();
            var newest = simulation.NewestVersion;
            Assert.That(simulation.ReadAlone(), Is.GreaterThanOrEqualTo(newest));
            return simulation.Wins;
        }
        catch (Exception e)
        {
            TestContext.Out.WriteLine($"seed {seed}, {nodes} nodes, {spares} spares: {e.Message}");
            throw;
        }
    }
}
