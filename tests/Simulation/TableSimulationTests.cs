namespace Delos.Tests.Simulation;

/// <summary>Replicas of tables on the log of whole clusters, seed by seed; <c>scripts/sim.sh --tables</c> runs longer ranges of the same.</summary>
public sealed class TableSimulationTests
{
    private static readonly SimPlan s_plan = new() { Milliseconds = 500, HasTables = true };

    [Test]
    public void Replicas_of_tables_keep_their_promises_under_faults() => SimRange.Run(s_plan, "1..40");

    [TestCase(nameof(SimMutant.UncomparedChecksums), Category = "Trap21")]
    [TestCase(nameof(SimMutant.TrimPastSnapshots), Category = "Trap24")]
    [TestCase(nameof(SimMutant.ReadWithoutTail))]
    [TestCase(nameof(SimMutant.AppliedOutOfOrder))]
    [TestCase(nameof(SimMutant.CursorApart))]
    public void A_mutant_of_the_runtime_is_caught(string name) => SimRange.Catches(Enum.Parse<SimMutant>(name), s_plan, 100);
}
