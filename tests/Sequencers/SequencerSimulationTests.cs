namespace Delos.Tests.Sequencers;

public class SequencerSimulationTests
{
    [Test]
    public void Whatever_the_network_does_no_answer_is_wrong([Values(1, 3, 5)] int replicas, [Values] bool withSeal)
    {
        int answered = 0, confirmed = 0;
        for (var seed = 0; seed < 150; seed++)
        {
            var simulation = new SequencerSimulation(seed, replicas);
            try
            {
                simulation.Run(600, withSeal);
            }
            catch (Exception exception) when (exception is not AssertionException)
            {
                throw new InvalidOperationException($"Seed {seed}.", exception);
            }
            finally
            {
                if (TestContext.CurrentContext.Result.Assertions.Any()) TestContext.Out.WriteLine($"Seed {seed}.");
            }

            answered += simulation.Answered;
            confirmed += simulation.Confirmed;
        }

        Assert.That(answered, Is.GreaterThan(1000), "the simulation does something");
        Assert.That(confirmed, Is.GreaterThan(withSeal ? 20 : 100));
    }
}
