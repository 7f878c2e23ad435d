using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Delos.Daemon.Commands;
using Delos.Daemon.Dev;

namespace Delos.Bench.Alone;

/// <summary>Measures Delos by itself: its layers, its stripes, its readers, its tables, its memory; see scripts/bench-alone.sh.</summary>
internal static class AloneCommand
{
    private static readonly IMeasurement[] s_measurements =
        [new LayersMeasurement(), new StripesMeasurement(), new FollowMeasurement(), new CatchUpMeasurement(), new ReadersMeasurement(), new TableMixMeasurement(), new MemoryMeasurement()];

    public static Command Create()
    {
        var only = new Option<string[]>("--only") { Description = "What is measured.", DefaultValueFactory = _ => [.. s_measurements.Select(m => m.Name)], AllowMultipleArgumentsPerToken = true };
        only.AcceptOnlyFromAmong([.. s_measurements.Select(m => m.Name)]);
        var rounds = new Option<int>("--rounds") { Description = "How often each pair is compared; its two sides take turns.", DefaultValueFactory = _ => 3 };
        var seconds = new Option<double>("--seconds") { Description = "Of each measurement.", DefaultValueFactory = _ => 5 };
        var warmUp = new Option<double>("--warm-up") { Description = "Seconds of load before each.", DefaultValueFactory = _ => 2 };
        var minutes = new Option<double>("--minutes") { Description = "Of the measurement of memory.", DefaultValueFactory = _ => 10 };
        var delosd = new Option<string>("--delosd") { Description = "The daemon; default: the one built with this program, which is not compiled ahead of time.", DefaultValueFactory = _ => Path.Combine(AppContext.BaseDirectory, "delosd") };
        var output = new Option<string>("--output") { Description = "Directory for results.md and plots.", DefaultValueFactory = _ => "bench-alone" };
        var data = new Option<string>("--data") { Description = "Directory for the clusters' data, on the disk to be measured.", DefaultValueFactory = _ => "." };
        var command = new Command("alone", "Measures Delos by itself: what its layers, stripes and readers cost, and how much memory it takes.") { only, rounds, seconds, warmUp, minutes, delosd, output, data };
        return command.Does(async context =>
        {
            var (arguments, cancellationToken) = (context.Arguments, context.Cancelled);
            var plan = new AlonePlan(
                Path.GetFullPath(arguments.GetValue(delosd)!), arguments.GetValue(rounds), TimeSpan.FromSeconds(arguments.GetValue(warmUp)), TimeSpan.FromSeconds(arguments.GetValue(seconds)), TimeSpan.FromMinutes(arguments.GetValue(minutes)));
            var results = Directory.CreateDirectory(arguments.GetValue(output)!).FullName;
            var text = new StringBuilder();
            text.Append(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:yyyy-MM-dd}, {Environment.ProcessorCount} cores, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}. All daemons and the load generator share this machine. ");
            text.Append(CultureInfo.InvariantCulture, $"{plan.Duration.TotalSeconds} s each after {plan.WarmUp.TotalSeconds} s of the same load, medians of {plan.Rounds} rounds.\n");
            foreach (var measurement in s_measurements.Where(m => arguments.GetValue(only)!.Contains(m.Name)))
            {
                using var directory = new ScratchDirectory(arguments.GetValue(data)!);
                var bench = new Workbench(plan, directory.Path);
                text.Append(CultureInfo.InvariantCulture, $"\n### {measurement.Name}\n\n{await measurement.RunAsync(bench, cancellationToken).ConfigureAwait(false)}");
                foreach (var (name, svg) in bench.Plots) await File.WriteAllTextAsync(Path.Combine(results, name), svg, cancellationToken).ConfigureAwait(false);
            }

            await File.WriteAllTextAsync(Path.Combine(results, "results.md"), text.ToString(), cancellationToken).ConfigureAwait(false);
            Console.WriteLine(text);
            return 0;
        }, "bench-alone");
    }
}
