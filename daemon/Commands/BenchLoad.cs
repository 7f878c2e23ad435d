using System.CommandLine;
using System.Text.Json;
using Delos.Client;
using Delos.Daemon.Configuration;
using Delos.Protocol.Tables;

namespace Delos.Daemon.Commands;

/// <summary>What the benchmarks with a closed loop have in common: how much load, for how long, and how its figures are printed.</summary>
/// <param name="Size">Bytes of what is written.</param>
/// <param name="Outstanding">Calls under way at a time, over all clients.</param>
/// <param name="Duration">How long is measured.</param>
/// <param name="WarmUp">Load before that.</param>
/// <param name="Clients">Connections of their own.</param>
internal sealed record BenchLoad(int Size, int Outstanding, TimeSpan Duration, TimeSpan WarmUp, int Clients)
{
    private static readonly ConfigKey s_anySize = new("", "", ConfigKind.Size, "", "");

    /// <summary>Runs a load for each client and adds up what they did.</summary>
    /// <param name="context">Of the command.</param>
    /// <param name="call">Makes one call of the n-th client.</param>
    /// <param name="each">Operations in one call.</param>
    public async Task<BenchFigures> RunAsync<T>(CommandContext context, Func<int, Func<ValueTask<T>>> call, int each = 1)
    {
        var loads = new ClosedLoad<T>[Clients];
        for (var i = 0; i < loads.Length; i++) loads[i] = new ClosedLoad<T>(call(i), (Outstanding / Clients + (i < Outstanding % Clients ? 1 : 0)) / each, static e => e is DelosException or TableException, each);
        await Task.WhenAll(loads.Select(l => l.RunAsync(WarmUp, Duration, context.Cancelled))).ConfigureAwait(false);
        var latency = new LatencyHistogram();
        foreach (var load in loads) latency.Add(load.Microseconds);
        var elapsed = loads.Max(l => l.Measured.TotalSeconds);
        if (loads.FirstOrDefault(l => l.FirstError is not null)?.FirstError is { } first) await context.Error.WriteLineAsync($"delosd: first error: {first}").ConfigureAwait(false);
        var figures = new BenchFigures((long)(loads.Sum(l => l.Operations) / elapsed), latency, elapsed, loads.Sum(l => l.Errors));
        foreach (var load in loads) load.Dispose();
        return figures;
    }

    /// <summary>The options that all of them have.</summary>
    internal sealed class Options(string sizeOf, string defaultSize)
    {
        public Option<int?> Nodes { get; } = new("--nodes") { Description = "Measure against an own throw-away cluster of so many daemons on this machine's disk, instead of --endpoints.", HelpName = "N" };

        public Option<string?> Data { get; } = new("--data") { Description = "Where the throw-away cluster is put; must not be tmpfs. Default: the current directory.", HelpName = "DIR" };

        private readonly Option<string> _size = new("--size", "-s") { Description = $"Bytes of {sizeOf}.", HelpName = "SIZE", DefaultValueFactory = _ => defaultSize };
        private readonly Option<int> _outstanding = new("--outstanding", "-k") { Description = "Calls under way at a time, over all clients.", HelpName = "K", DefaultValueFactory = _ => 256 };
        private readonly Option<double> _seconds = new("--seconds", "-t") { Description = "How long to measure.", HelpName = "T", DefaultValueFactory = _ => 10 };
        private readonly Option<double> _warmUp = new("--warm-up") { Description = "Seconds of load before that.", HelpName = "T", DefaultValueFactory = _ => 2 };
        private readonly Option<int> _clients = new("--clients") { Description = "Connections of their own, within this process.", HelpName = "C", DefaultValueFactory = _ => 1 };

        public void AddTo(Command command)
        {
            foreach (var option in (Option[])[Nodes, _size, _outstanding, _seconds, _warmUp, _clients, Data, SharedOptions.Set]) command.Add(option);
        }

        /// <exception cref="CommandException">One makes no sense.</exception>
        public BenchLoad Read(ParseResult arguments) => new(
            ConfigValues.Parse(s_anySize, arguments.GetValue(_size) ?? "", out _) as long? is { } bytes and >= 0 and <= 4 << 20 ? (int)bytes : throw new CommandException(ExitCode.Usage, $"--size is a size like {defaultSize} or 1KiB, 4MiB at most"),
            Between("--outstanding", arguments.GetValue(_outstanding), 1, 1 << 20),
            arguments.GetValue(_seconds) is > 0 and <= 86_400 and var s ? TimeSpan.FromSeconds(s) : throw new CommandException(ExitCode.Usage, "--seconds is above 0"),
            arguments.GetValue(_warmUp) is >= 0 and <= 3600 and var w ? TimeSpan.FromSeconds(w) : throw new CommandException(ExitCode.Usage, "--warm-up is 0 or more"),
            Between("--clients", arguments.GetValue(_clients), 1, 1024));

        public static int Between(string option, int value, int minimum, int maximum) =>
            value >= minimum && value <= maximum ? value : throw new CommandException(ExitCode.Usage, $"{option} is {minimum} to {maximum}");
    }
}

/// <summary>What a load came to.</summary>
/// <param name="PerSecond">Operations answered.</param>
/// <param name="Microseconds">Of each call.</param>
/// <param name="Seconds">That were measured.</param>
/// <param name="Errors">Calls that failed.</param>
internal sealed record BenchFigures(long PerSecond, LatencyHistogram Microseconds, double Seconds, long Errors)
{
    public int ExitCode => Errors == 0 && Microseconds.Count > 0 ? Commands.ExitCode.Ok : Commands.ExitCode.Failed;

    /// <summary>Prints them; as JSON with the fields that say what was measured.</summary>
    public void Print(Output output, BenchLoad load, int nodes, Action<Utf8JsonWriter> what)
    {
        if (output.IsJson)
        {
            output.JsonObject(json =>
            {
                json.WriteNumber("ops_s", PerSecond);
                json.WriteNumber("p50_us", Microseconds.Percentile(50));
                json.WriteNumber("p99_us", Microseconds.Percentile(99));
                json.WriteNumber("p999_us", Microseconds.Percentile(99.9));
                json.WriteNumber("max_us", Microseconds.Maximum);
                json.WriteNumber("errors", Errors);
                json.WriteNumber("nodes", nodes);
                what(json);
                json.WriteNumber("size", load.Size);
                json.WriteNumber("outstanding", load.Outstanding);
                json.WriteNumber("clients", load.Clients);
                json.WriteNumber("seconds", Math.Round(Seconds, 3));
                json.WriteNumber("bytes_s", PerSecond * load.Size);
            });
            return;
        }

        output.Table(["OPS/S", "P50 US", "P99 US", "P99.9 US", "MAX US", "ERRORS", "MB/S"],
        [
            [ChainPrinter.Text(PerSecond), ChainPrinter.Text(Microseconds.Percentile(50)), ChainPrinter.Text(Microseconds.Percentile(99)), ChainPrinter.Text(Microseconds.Percentile(99.9)),
                ChainPrinter.Text(Microseconds.Maximum), ChainPrinter.Text(Errors), ChainPrinter.Text(PerSecond * load.Size / 1_000_000)],
        ]);
    }
}
