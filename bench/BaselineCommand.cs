using System.CommandLine;
using System.Globalization;
using System.Text.Json;

namespace Delos.Bench;

/// <summary>
/// <c>Delos.Bench baseline</c>: compares the results of the last BenchmarkDotNet run with those stored in the repository, or stores them. Times are another machine's, so only their ratio is shown;
/// what is allocated is the same everywhere, and more of it fails.
/// </summary>
internal static class BaselineCommand
{
    private const double AllocationSlack = 1.1;
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true };

    public static Command Create()
    {
        var results = new Option<string>("--results") { Description = "Directory of the run's *-report-brief.json.", HelpName = "DIR", DefaultValueFactory = _ => "BenchmarkDotNet.Artifacts/results" };
        var baseline = new Option<string>("--baseline") { Description = "The stored results.", HelpName = "FILE", DefaultValueFactory = _ => "bench/baseline.json" };
        var save = new Option<bool>("--save") { Description = "Stores the run's results instead of comparing; benchmarks that it did not run keep theirs." };
        var command = new Command("baseline", "Compares the last BenchmarkDotNet run with the stored one.") { results, baseline, save };
        command.SetAction(arguments => Run(arguments.GetValue(results)!, arguments.GetValue(baseline)!, arguments.GetValue(save)));
        return command;
    }

    private static int Run(string directory, string file, bool save)
    {
        var found = Read(directory);
        if (found.Count == 0)
        {
            Console.Error.WriteLine($"bench: no *-report-brief.json in {directory}: run benchmarks with --exporters briefjson first");
            return 1;
        }

        var stored = File.Exists(file) ? JsonSerializer.Deserialize<SortedDictionary<string, Figure>>(File.ReadAllText(file)) ?? [] : [];
        if (save)
        {
            foreach (var (name, figure) in found) stored[name] = figure;
            File.WriteAllText(file, JsonSerializer.Serialize(stored, s_json) + "\n");
            Console.WriteLine($"{found.Count} results stored in {file}");
            return 0;
        }

        var worse = 0;
        Console.WriteLine($"{"benchmark",-70} {"ns",12} {"baseline",12} {"ratio",7} {"bytes",8} {"baseline",8}");
        foreach (var (name, figure) in found)
        {
            if (!stored.TryGetValue(name, out var former))
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-70} {figure.Nanoseconds,12:F1} {"new",12} {"",7} {figure.Bytes,8}"));
                continue;
            }

            var isWorse = figure.Bytes > former.Bytes * AllocationSlack + 1;
            if (isWorse) worse++;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{name,-70} {figure.Nanoseconds,12:F1} {former.Nanoseconds,12:F1} {figure.Nanoseconds / former.Nanoseconds,7:F2} {figure.Bytes,8} {former.Bytes,8}{(isWorse ? "  ALLOCATES MORE" : "")}"));
        }

        return worse == 0 ? 0 : 1;
    }

    private static SortedDictionary<string, Figure> Read(string directory)
    {
        var found = new SortedDictionary<string, Figure>(StringComparer.Ordinal);
        if (!Directory.Exists(directory)) return found;
        foreach (var path in Directory.EnumerateFiles(directory, "*-report-brief.json"))
        {
            using var document = JsonDocument.Parse(File.ReadAllText(path));
            foreach (var benchmark in document.RootElement.GetProperty("Benchmarks").EnumerateArray())
            {
                // A benchmark that failed has none.
                if (!benchmark.TryGetProperty("Statistics", out var statistics) || statistics.ValueKind != JsonValueKind.Object) continue;
                var name = (benchmark.GetProperty("FullName").GetString() ?? "").Replace("Delos.Bench.", "", StringComparison.Ordinal);
                var bytes = benchmark.TryGetProperty("Memory", out var memory) && memory.ValueKind == JsonValueKind.Object ? memory.GetProperty("BytesAllocatedPerOperation").GetInt64() : 0;
                found[name] = new Figure(Math.Round(statistics.GetProperty("Median").GetDouble(), 2), bytes);
            }
        }

        return found;
    }

    /// <param name="Nanoseconds">Median of an operation.</param>
    /// <param name="Bytes">Allocated by one.</param>
    internal sealed record Figure(double Nanoseconds, long Bytes);
}
