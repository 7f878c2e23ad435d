using System.Text;

namespace Delos.Tests.Simulation;

/// <summary>Shortens a failing run: first its length, then its faults, as long as it still fails.</summary>
internal static class SimShrinker
{
    public static string Report(int seed, SimMutant mutant, long milliseconds, int attempts = 60)
    {
        var simulation = new ClusterSimulation(seed, mutant, new SimPlan { Milliseconds = milliseconds });
        var violation = simulation.Run() ?? throw new InvalidOperationException($"Seed {seed} does not fail.");
        List<SimFault> faults = [.. simulation.Faults];
        while (milliseconds > 50 && attempts-- > 0 && Try(milliseconds / 2, faults) is { } shorter) (milliseconds, simulation, violation) = (milliseconds / 2, shorter.Run, shorter.Violation);
        for (var size = Math.Max(1, faults.Count / 2); size >= 1; size /= 2)
        {
            for (var at = 0; at < faults.Count && attempts-- > 0;)
            {
                List<SimFault> fewer = [.. faults.Take(at), .. faults.Skip(at + size)];
                if (Try(milliseconds, fewer) is { } still) (faults, simulation, violation) = (fewer, still.Run, still.Violation);
                else at += size;
            }
        }

        var text = new StringBuilder();
        text.AppendLine(violation).AppendLine($"shortest schedule that still fails: {milliseconds} ms, {faults.Count} faults");
        foreach (var fault in faults) text.AppendLine($"  {fault}");
        text.AppendLine("end of the transcript:");
        foreach (var line in simulation.World.Transcript.TakeLast(80)) text.AppendLine(line);
        return text.ToString();

        (ClusterSimulation Run, string Violation)? Try(long length, List<SimFault> tried)
        {
            var run = new ClusterSimulation(seed, mutant, new SimPlan { Milliseconds = length, Faults = tried });
            return run.Run() is { } failed ? (run, failed) : null;
        }
    }
}
