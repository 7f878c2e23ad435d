using System.Globalization;

namespace Delos.Tests.LocalStorage;

public abstract partial class StoreConformance
{
    private const int OracleSteps = 4000;

    /// <summary>Random operations, each compared with <see cref="StoreOracle"/>. A failing run is repeated by DELOS_STORE_SEED=its seed.</summary>
    [Test]
    public async Task Whatever_is_done_the_store_agrees_with_sorted_dictionaries()
    {
        var seed = int.Parse(Environment.GetEnvironmentVariable("DELOS_STORE_SEED") ?? $"{Random.Shared.Next()}", CultureInfo.InvariantCulture);
        TestContext.Out.WriteLine($"seed {seed}");
        var walk = new StoreWalk(seed, _directory);
        for (var step = 0; step < OracleSteps; step++)
        {
            try
            {
                _store = await walk.StepAsync(_factory, _store);
            }
            catch (Exception e) when (e is not AssertionException)
            {
                Assert.Fail($"seed {seed}, step {step}: {e}");
            }

            Assert.That(walk.Difference, Is.Null, () => $"seed {seed}, step {step}");
        }

        walk.Dispose();
    }
}
