using System.Text;

namespace Delos.Tests.Simulation;

/// <summary>Shortens a failing run as long as it still fails: its length, its logs and clients, their appends, its faults. Then tells what happened.</summary>
internal static class SimShrinker
{
    private const int ToldLines = 120;

    public static string Report(int seed, SimMutant mutant, SimPlan given, int attempts = 80)
    {
        var first = new ClusterSimulation(seed, mutant, given);
        var original = first.Run() ?? throw new InvalidOperationException($"Seed {seed} does not fail.");
        var plan = given with { Faults = first.Faults };
        while (plan.Milliseconds > 50 && Shorten(plan with { Milliseconds = plan.Milliseconds / 2 }))
        {
        }

        Shorten(plan with { Logs = 1 });
        Shorten(plan with { ClientsPerLog = 1 });
        for (var appends = 128L; appends >= 1 && Shorten(plan with { Appends = appends }); appends /= 2)
        {
        }

        for (var size = Math.Max(1, plan.Faults!.Count / 2); size >= 1; size /= 2)
        {
            for (var at = 0; at < plan.Faults!.Count;)
            {
                if (!Shorten(plan with { Faults = [.. plan.Faults.Take(at), .. plan.Faults.Skip(at + size)] })) at += size;
            }
        }

        while (plan.Milliseconds > 50 && Shorten(plan with { Milliseconds = plan.Milliseconds * 3 / 4 }))
        {
        }

        var last = new ClusterSimulation(seed, mutant, plan with { IsDetailed = true });
        var violation = last.Run();
        var text = new StringBuilder();
        text.AppendLine(original).AppendLine($"again: ./scripts/sim.sh --seeds {seed}..{seed} --steps {given.Milliseconds}{(given.HasTables ? " --tables" : "")}");
        text.AppendLine($"shortest that still fails: {plan}; nodes {last.Nodes.Count}, replicas {last.Replication}, {(last.HasMonitors ? "with" : "without")} monitors");
        foreach (var fault in plan.Faults!) text.AppendLine($"  {fault}");
        text.AppendLine($"there: {violation}").AppendLine("end of the transcript:");
        foreach (var line in last.World.Transcript.TakeLast(ToldLines)) text.AppendLine(line);
        return text.ToString();

        bool Shorten(SimPlan shorter)
        {
            if (attempts-- <= 0 || new ClusterSimulation(seed, mutant, shorter).Run() is null) return false;
            plan = shorter;
            return true;
        }
    }
}
